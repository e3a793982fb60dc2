//! One try at a handshake.

use std::time::Instant;

use flumen_wire::dtls::ClientHello;

use super::dimpl::Dimpl;
use super::library::{Broken, Library, Yield};
use super::rtc::Rtc;
use super::srtp_keys::CHEAPEST_FIRST;
use super::{Config, Failure, Identity};
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
    has_gone_on: bool,
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

    /// Chooses who answers a ClientHello: DTLS 1.3 where it is offered with a profile that its
    /// library knows, else 1.2 with the cheapest profile.
    pub(super) fn server(
        setting: &mut Setting,
        now: Time,
        hello: &ClientHello<'_>,
    ) -> Result<Self, Broken> {
        let random = Some(*hello.random);
        let offered = hello.srtp_profiles().map(Vec::from_iter);
        let common = |suite: &&CryptoSuite| {
            let offered = offered.as_deref().unwrap_or_default();
            offered.contains(&suite.profile())
        };
        let cheapest = CHEAPEST_FIRST.iter().find(common);
        if offered.is_some() && cheapest.is_none() {
            return Err(Broken(Failure::NoSrtpProfile));
        }
        let is_known_to_dimpl = cheapest != Some(&CryptoSuite::AesCm128HmacSha1_32);
        if hello.offers_1_3 && setting.config.allow_1_3 && is_known_to_dimpl {
            let dimpl = setting.dimpl(now, false)?;
            return Ok(Self::over(Library::Dimpl(Box::new(dimpl)), random));
        }
        let generator = setting.draw();
        let suites = cheapest.copied().into_iter().collect::<Vec<_>>();
        let (config, identity) = (&setting.config, &setting.identity);
        let rtc = Rtc::server(config, identity, setting.epoch, &suites, generator)?;
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

    /// Whether anything came after the ClientHello.
    pub(super) fn has_gone_on(&self) -> bool {
        self.has_gone_on
    }

    pub(super) fn go_on(&mut self) {
        self.has_gone_on = true;
    }
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
