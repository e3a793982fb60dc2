//! One try at a handshake.

use std::time::Instant;

use flumen_wire::dtls::ClientHello;

use super::dimpl::Dimpl;
use super::library::{Broken, Library, Yield};
use super::rtc::Rtc;
use super::srtp_keys::CHEAPEST_FIRST;
use super::{Config, Failure, Identity, Versions};
use crate::srtp::CryptoSuite;
use crate::{Generator, Time};

/// What every try is made with.
pub(super) struct Setting {
    pub(super) config: Config,
    pub(super) identity: Identity,
    pub(super) epoch: Instant,
    pub(super) generator: Generator,
}

impl Setting {
    /// A generator for one try, of the connection's own.
    fn draw(&mut self) -> Generator {
        let mut seed = [0; 32];
        self.generator.fill(&mut seed);
        Generator::new(seed, 0)
    }
}

pub(super) struct Attempt {
    pub(super) library: Library,
    /// The random of the ClientHello that it answers.
    random: Option<[u8; 32]>,
    /// Whether anything came after the ClientHello.
    pub(super) has_gone_on: bool,
}

impl Attempt {
    /// Asks in DTLS 1.2, whose library knows certificates of RSA as well, unless the peer wants
    /// 1.3.
    pub(super) fn client(
        setting: &mut Setting,
        now: Time,
        wants_1_3: bool,
        to: &mut Yield,
    ) -> Result<Self, Broken> {
        let generator = setting.draw();
        if wants_1_3 {
            let mut dimpl = setting.dimpl(now, true)?;
            dimpl.advance(now, to)?;
            return Ok(Self::over(Library::Dimpl(Box::new(dimpl)), None));
        }
        let (config, identity) = (&setting.config, &setting.identity);
        let rtc = Rtc::client(config, identity, setting.epoch, now, generator, to)?;
        Ok(Self::over(Library::Rtc(Box::new(rtc)), None))
    }

    /// Has the library answer a ClientHello that [`takes_1_3`] chooses.
    pub(super) fn server(
        setting: &mut Setting,
        now: Time,
        hello: &ClientHello<'_>,
    ) -> Result<Self, Broken> {
        let random = Some(*hello.random);
        let offered = hello.srtp_profiles();
        let wants_srtp = offered.is_some();
        let offered = offered.map_or_else(Vec::new, |profiles| {
            profiles.filter_map(CryptoSuite::of_profile).collect()
        });
        let cheapest = CHEAPEST_FIRST
            .into_iter()
            .find(|suite| offered.contains(suite));
        if wants_srtp && cheapest.is_none() {
            return Err(Broken(Failure::NoSrtpProfile));
        }
        if takes_1_3(setting.config.versions, hello, &offered) {
            let dimpl = setting.dimpl(now, false)?;
            return Ok(Self::over(Library::Dimpl(Box::new(dimpl)), random));
        }
        let generator = setting.draw();
        let (config, identity) = (&setting.config, &setting.identity);
        let rtc = Rtc::server(
            config,
            identity,
            setting.epoch,
            cheapest.as_slice(),
            generator,
        )?;
        Ok(Self::over(Library::Rtc(Box::new(rtc)), random))
    }

    fn over(library: Library, random: Option<[u8; 32]>) -> Self {
        Self {
            library,
            random,
            has_gone_on: false,
        }
    }

    pub(super) fn speaks_1_3(&self) -> bool {
        self.library.speaks_1_3()
    }

    /// Whether it answers the ClientHello with this random.
    pub(super) fn answers(&self, random: &[u8; 32]) -> bool {
        self.random.as_ref() == Some(random)
    }
}

/// Whether a client that offers these suites, in its order, is answered with DTLS 1.3, whose library
/// takes the first but does not know all.
fn takes_1_3(versions: Versions, hello: &ClientHello<'_>, offered: &[CryptoSuite]) -> bool {
    let mut known = offered
        .iter()
        .filter(|suite| **suite != CryptoSuite::AesCm128HmacSha1_32);
    let first = known.next();
    let is_cheap = first.is_none_or(|suite| {
        matches!(
            suite,
            CryptoSuite::AeadAes128Gcm | CryptoSuite::AeadAes256Gcm
        )
    });
    let has_cheap = offered
        .iter()
        .any(|suite| CHEAPEST_FIRST[..2].contains(suite));
    let is_possible = hello.offers_1_3 && (offered.is_empty() || first.is_some());
    let is_wanted = match versions {
        Versions::CheapestSrtp => is_cheap || !has_cheap || !hello.offers_1_2,
        Versions::Newest => true,
        Versions::Only1_2 => false,
    };
    is_possible && is_wanted
}

impl Setting {
    fn dimpl(&mut self, now: Time, is_client: bool) -> Result<Dimpl, Broken> {
        let (config, identity) = (&self.config, &self.identity);
        Dimpl::new(
            config,
            identity,
            self.epoch,
            now,
            is_client,
            &mut self.generator,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with these versions and profiles.
    fn hello(versions: &[u8], profiles: &[u16]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend([9; 32]);
        body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let mut extensions = vec![0, 43, 0, versions.len() as u8 + 1, versions.len() as u8];
        extensions.extend(versions);
        let length = 2 * profiles.len() as u8;
        extensions.extend([0, 14, 0, length + 3, 0, length]);
        extensions.extend(profiles.iter().flat_map(|profile| profile.to_be_bytes()));
        extensions.push(0);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    fn takes(versions: Versions, offered: &[u8], profiles: &[u16]) -> bool {
        let body = hello(offered, profiles);
        let suites: Vec<_> = profiles
            .iter()
            .copied()
            .filter_map(CryptoSuite::of_profile)
            .collect();
        takes_1_3(versions, &ClientHello::parse(&body).unwrap(), &suites)
    }

    #[test]
    fn the_version_follows_what_media_costs() {
        const BOTH: [u8; 4] = [0xfe, 0xfc, 0xfe, 0xfd];
        let chromium = [1, 8, 7];
        let firefox = [7, 8, 1];
        assert!(!takes(Versions::CheapestSrtp, &BOTH, &chromium));
        assert!(takes(Versions::CheapestSrtp, &BOTH[..2], &chromium));
        assert!(takes(Versions::CheapestSrtp, &BOTH, &firefox));
        assert!(takes(Versions::CheapestSrtp, &BOTH, &[1]));
        assert!(!takes(Versions::CheapestSrtp, &BOTH, &[2]));
        assert!(takes(Versions::Newest, &BOTH, &chromium));
        assert!(!takes(Versions::Newest, &BOTH[2..], &chromium));
        assert!(!takes(Versions::Only1_2, &BOTH, &firefox));
    }
}
