//! DTLS 1.3 over `dimpl`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::dimpl::{Dtls, DtlsCertificate, Error, Output};

use super::library::{Agreed, Broken, Yield};
use super::{Config, Failure, Identity, SrtpKeys};
use crate::srtp::CryptoSuite;
use crate::{Generator, Time};

/// Records are at most 2^14 bytes and a header; the library says if it needs more.
const BUFFER: usize = 2_048;
/// What is due so late is not due: the library names a time in ten years when it waits for nothing.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

pub(super) struct Dimpl {
    dtls: Dtls,
    epoch: Instant,
    is_client: bool,
    next_timeout: Option<Time>,
    certificate: Option<Vec<u8>>,
    keys: Option<SrtpKeys>,
    is_connected: bool,
    is_told: bool,
}

impl Dimpl {
    /// A server that waits for a ClientHello, or a client, whose own leaves when it is driven.
    pub(super) fn new(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        now: Time,
        is_client: bool,
        generator: &mut Generator,
    ) -> Result<Self, Broken> {
        let settings = settings(config, generator.bits() as u64)?;
        let certificate = DtlsCertificate {
            certificate: identity.certificate().to_vec(),
            private_key: identity.private_key().to_vec(),
        };
        let mut dtls = Dtls::new_13(
            Arc::new(settings),
            certificate,
            epoch + now.since(Time::ZERO),
        );
        dtls.set_active(is_client);
        Ok(Self {
            dtls,
            epoch,
            is_client,
            next_timeout: None,
            certificate: None,
            keys: None,
            is_connected: false,
            is_told: false,
        })
    }

    pub(super) fn receive(
        &mut self,
        now: Time,
        datagram: &[u8],
        to: &mut Yield,
    ) -> Result<(), Broken> {
        let handled = self.dtls.handle_timeout(self.instant(now));
        handled.map_err(broken)?;
        let handled = self.dtls.handle_packet(datagram);
        self.drain(now, to);
        handled.map_err(broken)
    }

    pub(super) fn advance(&mut self, now: Time, to: &mut Yield) -> Result<(), Broken> {
        let handled = self.dtls.handle_timeout(self.instant(now));
        self.drain(now, to);
        handled.map_err(broken)
    }

    pub(super) fn send(&mut self, now: Time, data: &[u8], to: &mut Yield) -> Result<(), Broken> {
        let handled = self.dtls.handle_timeout(self.instant(now));
        handled.map_err(broken)?;
        let sent = self.dtls.send_application_data(data);
        self.drain(now, to);
        sent.map(drop).map_err(broken)
    }

    pub(super) fn close(&mut self, now: Time, to: &mut Yield) {
        // What it cannot say any more goes unsaid.
        let _ = self.dtls.handle_timeout(self.instant(now));
        let _ = self.dtls.close();
        self.drain(now, to);
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.next_timeout
    }

    fn instant(&self, now: Time) -> Instant {
        self.epoch + now.since(Time::ZERO)
    }

    fn drain(&mut self, now: Time, to: &mut Yield) {
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(bytes) => to.out.datagram(bytes),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    let next = Time::ZERO + at.saturating_duration_since(self.epoch);
                    self.next_timeout = (next.since(now) < NEVER).then_some(next);
                    break;
                }
                Output::Connected => self.is_connected = true,
                Output::PeerCert(certificate) => self.certificate = Some(certificate.to_vec()),
                Output::KeyingMaterial(material, profile) => {
                    self.keys = suite_of(profile)
                        .and_then(|suite| SrtpKeys::cut(suite, &material, self.is_client));
                }
                Output::ApplicationData(data) => to.out.payload(data),
                Output::CloseNotify => to.is_closed = true,
                _ => {}
            }
        }
        self.tell(to);
    }

    fn tell(&mut self, to: &mut Yield) {
        let Some(certificate) = self.certificate.as_ref().filter(|_| self.is_connected) else {
            return;
        };
        if !std::mem::replace(&mut self.is_told, true) {
            to.agreed = Some(Agreed {
                certificate: certificate.clone(),
                keys: self.keys.take(),
            });
        }
    }
}

fn settings(config: &Config, seed: u64) -> Result<::dimpl::Config, Broken> {
    // The path is validated by ICE, so that a cookie would only cost a round trip. Deadlines of
    // the whole are the machine's.
    ::dimpl::Config::builder()
        .mtu(config.mtu.max(256).into())
        .use_server_cookie(false)
        .flight_start_rto(config.retransmission())
        .flight_retries(8)
        .handshake_timeout(2 * config.handshake_timeout())
        .with_crypto_provider(::dimpl::crypto::aws_lc_rs::default_provider())
        .dangerously_set_rng_seed(seed)
        .build()
        .map_err(broken)
}

fn suite_of(profile: ::dimpl::SrtpProfile) -> Option<CryptoSuite> {
    match profile {
        ::dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(CryptoSuite::AesCm128HmacSha1_80),
        ::dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(CryptoSuite::AeadAes128Gcm),
        ::dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(CryptoSuite::AeadAes256Gcm),
        _ => None,
    }
}

fn broken(error: Error) -> Broken {
    Broken(Failure::Broken(error.to_string()))
}
