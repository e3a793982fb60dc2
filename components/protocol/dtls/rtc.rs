//! DTLS 1.2 over `rtc-dtls`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::providers::AwsLcRsCrypto;
use rtc_crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, RTCRandom};
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, HandshakeConfig};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use super::flights::Flights;
use super::library::{Agreed, Broken, Yield};
use super::srtp_keys::CHEAPEST_FIRST;
use super::{Config, Failure, Identity, SrtpKeys};
use crate::srtp::CryptoSuite;
use crate::{Generator, Time};

/// The peer's address, since the library keeps connections by address; there is one.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// Bytes by which the library's datagrams exceed its own limit: record and handshake headers,
/// nonce and tag.
const OVERHEAD: usize = 64;

/// The shortest time after which the peer's repetition is answered with one of ours.
const SHORTEST: Duration = Duration::from_millis(50);

/// How many of the library's seven retransmissions of a flight a peer can ask for.
const MOST_REPEATS: u32 = 4;

/// How often a flight is sent again that the library has no timer for. It remembers each time that
/// it was asked.
const MOST_NUDGES: u32 = 512;

/// The type of records that a client answers a flight with.
const HANDSHAKE: u8 = 22;

/// The longest time between retransmissions.
const LONGEST: Duration = Duration::from_secs(8);

pub(super) struct Rtc {
    // The library's ciphers are not Sync. Nobody ever locks it: all calls have it exclusively.
    endpoint: Mutex<Endpoint>,
    epoch: Instant,
    first_retransmission: Duration,
    retransmissions: u32,
    due: Option<Time>,
    is_client: bool,
    has_srtp: bool,
    is_agreed: bool,
    flights: Flights,
    last_sent: Time,
    nudges: u32,
}

impl Rtc {
    /// A server that waits for a ClientHello, and agrees to one of `suites`.
    pub(super) fn server(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        suites: &[CryptoSuite],
        generator: Generator,
    ) -> Result<Self, Broken> {
        let settings = settings(config, identity, false, suites, generator)?;
        Ok(Self::over(Some(settings), config, epoch, suites, false))
    }

    /// A client; its ClientHello is in `to`.
    pub(super) fn client(
        config: &Config,
        identity: &Identity,
        epoch: Instant,
        now: Time,
        generator: Generator,
        to: &mut Yield,
    ) -> Result<Self, Broken> {
        let suites = &CHEAPEST_FIRST;
        let settings = settings(config, identity, true, suites, generator)?;
        let mut client = Self::over(None, config, epoch, suites, true);
        let instant = client.instant(now);
        let connected = client.endpoint().connect(instant, PEER, settings, None);
        connected.map_err(broken)?;
        client.collect(now, to);
        client.schedule(now, 0);
        Ok(client)
    }

    fn over(
        server: Option<Arc<HandshakeConfig>>,
        config: &Config,
        epoch: Instant,
        suites: &[CryptoSuite],
        is_client: bool,
    ) -> Self {
        Self {
            endpoint: Mutex::new(Endpoint::new(PEER, TransportProtocol::UDP, server)),
            epoch,
            first_retransmission: config.retransmission(),
            retransmissions: 0,
            due: None,
            is_client,
            has_srtp: !suites.is_empty(),
            is_agreed: false,
            flights: Flights::new(is_client),
            last_sent: Time::ZERO,
            nudges: 0,
        }
    }

    pub(super) fn receive(
        &mut self,
        now: Time,
        datagram: &[u8],
        to: &mut Yield,
    ) -> Result<(), Broken> {
        let taken = self.flights.take(datagram, self.is_agreed);
        if taken.is_repeat {
            self.repeat(now, to)?;
        }
        if taken.pass.is_empty() {
            return Ok(());
        }
        let before = to.out.datagrams().len();
        self.read(now, &taken.pass, to)?;
        // Of messages that it cannot read the library says nothing, or an alert, and waits for them.
        let mut answers = to.out.datagrams().skip(before);
        let is_answered = answers.any(|datagram| datagram.first() == Some(&HANDSHAKE));
        match taken.has_flight && self.is_client && !is_answered {
            true => Err(Broken(Failure::Broken("a flight without sense".to_owned()))),
            false => Ok(()),
        }
    }

    /// The peer repeats itself, and so misses what was sent last.
    fn repeat(&mut self, now: Time, to: &mut Yield) -> Result<(), Broken> {
        if now < self.last_sent + SHORTEST {
            return Ok(());
        }
        if self.due.is_some() && !self.flights.has_no_timer() {
            if self.retransmissions < MOST_REPEATS {
                self.due = Some(now);
            }
            return self.advance(now, to);
        }
        if self.nudges < MOST_NUDGES {
            self.nudges += 1;
            let nudge = self.flights.nudge();
            return self.read(now, &nudge, to);
        }
        Ok(())
    }

    fn read(&mut self, now: Time, records: &[u8], to: &mut Yield) -> Result<(), Broken> {
        let instant = self.instant(now);
        let timer = self.endpoint().poll_timeout(&PEER);
        let read = self
            .endpoint()
            .read(instant, PEER, None, BytesMut::from(records));
        self.collect(now, to);
        if self.endpoint().poll_timeout(&PEER) != timer {
            self.schedule(now, 0);
        }
        match read {
            Ok(events) => events
                .into_iter()
                .try_for_each(|event| self.tell(event, to)),
            // What does not end a connection that is there: a warning.
            Err(error) if self.is_agreed && error != Error::ErrAlertFatalOrClose => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }

    fn tell(&mut self, event: EndpointEvent, to: &mut Yield) -> Result<(), Broken> {
        match event {
            EndpointEvent::HandshakeComplete => {
                to.agreed = Some(self.agreed()?);
                self.is_agreed = true;
            }
            EndpointEvent::ApplicationData(data) => to.out.payload(&data),
            EndpointEvent::PeerClosed => to.is_closed = true,
            _ => {}
        }
        Ok(())
    }

    /// Sends a flight again if it is time. The library does so at even intervals and at most seven
    /// times; when is decided here, ever less often.
    pub(super) fn advance(&mut self, now: Time, to: &mut Yield) -> Result<(), Broken> {
        if self.due.is_none_or(|due| now < due) {
            return Ok(());
        }
        let instant = self.instant(now);
        let handled = self.endpoint().handle_timeout(PEER, instant);
        self.collect(now, to);
        self.schedule(now, self.retransmissions + 1);
        handled.map_err(broken)
    }

    pub(super) fn send(&mut self, now: Time, data: &[u8], to: &mut Yield) -> Result<(), Broken> {
        let instant = self.instant(now);
        let written = self.endpoint().write(instant, PEER, data);
        self.collect(now, to);
        written.map_err(broken)
    }

    pub(super) fn close(&mut self, now: Time, to: &mut Yield) {
        let instant = self.instant(now);
        self.endpoint().stop(instant, PEER);
        self.collect(now, to);
        self.due = None;
    }

    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.due
    }

    fn schedule(&mut self, now: Time, retransmissions: u32) {
        self.retransmissions = retransmissions;
        let is_waiting = self.endpoint().poll_timeout(&PEER).is_some();
        let pause = self.first_retransmission * 2_u32.pow(retransmissions.min(16));
        self.due = is_waiting.then(|| now + pause.min(LONGEST));
    }

    fn agreed(&mut self) -> Result<Agreed, Broken> {
        let has_srtp = self.has_srtp;
        let unfinished = || Broken(Failure::Broken("no keys after a handshake".to_owned()));
        let state = self
            .endpoint()
            .get_connection_state(PEER)
            .ok_or_else(unfinished)?;
        let certificate = state
            .peer_certificates
            .first()
            .ok_or_else(unfinished)?
            .clone();
        let keys = if has_srtp {
            let suite = suite_of(state.srtp_protection_profile());
            let suite = suite.ok_or(Broken(Failure::NoSrtpProfile))?;
            let material = state
                .export_keying_material("EXTRACTOR-dtls_srtp", &[], 2 * suite.master_len())
                .map_err(broken)?;
            let keys = SrtpKeys::cut(suite, material.as_ref(), state.is_client());
            Some(keys.ok_or_else(unfinished)?)
        } else {
            None
        };
        Ok(Agreed { certificate, keys })
    }

    fn collect(&mut self, now: Time, to: &mut Yield) {
        while let Some(transmit) = self.endpoint().poll_transmit() {
            to.out.datagram(&transmit.message);
            // Not whenever a timer fires: for a HelloVerifyRequest nothing is sent then, and a client
            // whose timer runs as this one would be taken for too fast again and again.
            self.last_sent = now;
        }
    }

    fn endpoint(&mut self) -> &mut Endpoint {
        self.endpoint
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn instant(&self, now: Time) -> Instant {
        self.epoch + now.since(Time::ZERO)
    }
}

fn settings(
    config: &Config,
    identity: &Identity,
    is_client: bool,
    suites: &[CryptoSuite],
    generator: Generator,
) -> Result<Arc<HandshakeConfig>, Broken> {
    let profiles = suites.iter().map(|suite| profile_of(*suite)).collect();
    let mtu = usize::from(config.mtu.max(256)) - OVERHEAD;
    let settings = ConfigBuilder::default()
        .with_crypto_provider(Arc::new(Provider::new(generator)))
        .with_certificates(vec![identity.signing()])
        .with_cipher_suites(SUITES.to_vec())
        .with_srtp_protection_profiles(profiles)
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // Certificates are known by their fingerprints, which are looked at afterwards; the
        // signatures are verified all the same.
        .with_insecure_skip_verify(true)
        .with_server_name("localhost".to_owned())
        .with_flight_interval(Duration::from_nanos(1))
        .with_mtu(mtu)
        .build(is_client, None)
        .map_err(broken)?;
    Ok(Arc::new(settings))
}

/// Without CBC. As a client the peer's certificate may be of RSA too.
const SUITES: [CipherSuiteId; 4] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_ChaCha20_Poly1305_Sha256,
];

/// The library's cryptography with random numbers of our own: randoms, cookies and nonces. Keys
/// and signatures come of the operating system's.
struct Provider {
    crypto: AwsLcRsCrypto,
    random: Random,
}

struct Random(Mutex<Generator>);

impl Provider {
    fn new(generator: Generator) -> Self {
        Self {
            crypto: AwsLcRsCrypto,
            random: Random(Mutex::new(generator)),
        }
    }
}

impl RTCCryptoProvider for Provider {
    fn name(&self) -> &'static str {
        "flumen"
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        &self.crypto
    }

    fn random(&self) -> &dyn RTCRandom {
        &self.random
    }
}

impl RTCRandom for Random {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generator.fill(output);
        Ok(())
    }
}

fn profile_of(suite: CryptoSuite) -> SrtpProtectionProfile {
    SrtpProtectionProfile::from(suite.profile())
}

fn suite_of(profile: SrtpProtectionProfile) -> Option<CryptoSuite> {
    let mut all = CryptoSuite::ALL.into_iter();
    all.find(|suite| profile_of(*suite) == profile)
}

fn broken(error: Error) -> Broken {
    Broken(match error {
        Error::ErrServerNoMatchingSrtpProfile
        | Error::ErrClientNoMatchingSrtpProfile
        | Error::ErrRequestedButNoSrtpExtension => Failure::NoSrtpProfile,
        error => Failure::Broken(error.to_string()),
    })
}
