//! A peer's way in as a browser takes it: checks of ICE, a DTLS handshake, then SRTP.

use std::time::{Duration, Instant};

use flumen::components::Generator;
use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtp::RtpHeader;
use flumen::components::wire::state::{self, State};
use flumen::components::wire::stun::{BINDING, Class, Message, Role, Writer};
use flumen::dtls::{Config, Connection, Event, Identity, Output, Refused, SrtpKeys};
use flumen::srtp::{Bounds, Inbound, OpenError, Outbound};
use flumen::stun::IntegrityKey;
use flumen::{DtlsParameters, DtlsRole, IceParameters, Time};

use crate::sending::{Datagram, Out};

/// What stands between a peer and its link.
pub(crate) struct Session {
    username: String,
    key: IntegrityKey,
    identity: Identity,
    dtls: Connection,
    /// Datagrams may be sent: a check was answered.
    is_found: bool,
    srtp: Option<(Inbound, Outbound)>,
    generator: Generator,
    next_check: Time,
    out: Output,
}

/// What a datagram held, opened.
#[derive(Default)]
pub(crate) struct Opened {
    /// RTP, RTCP or SCTP.
    pub(crate) inner: Vec<Vec<u8>>,
    /// Keys were just agreed on: media may flow.
    pub(crate) is_new: bool,
    /// What it cannot be, of an engine that keeps to its keys.
    pub(crate) error: Option<String>,
}

/// Between checks that are not answered: the first retransmission timeout of RFC 8445, section 14.3.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Between checks that keep up consent, RFC 7675 section 5.1: half of what it lets pass.
const CONSENT: Duration = Duration::from_millis(2_500);
/// Of host candidates, RFC 8445 section 5.1.2.
const PRIORITY: u32 = 1_845_501_695;

impl Session {
    /// The session of a peer that has heard of a transport: what it checks with, and what its DTLS is
    /// told.
    pub(crate) fn new(
        ice: &IceParameters,
        dtls: &DtlsParameters,
        generators: [Generator; 2],
        now: Time,
    ) -> Self {
        let identity = Identity::generate().expect("a certificate is made");
        let [for_dtls, generator] = generators;
        let mut connection = Connection::new(&Config::default(), &identity, epoch(), for_dtls);
        let told = DtlsParameters {
            role: DtlsRole::Server,
            ..dtls.clone()
        };
        connection
            .connect(now, &told)
            .expect("the transport's fingerprints are valid");
        Self {
            username: format!("{}:peer", ice.username_fragment),
            key: IntegrityKey::new(&ice.password),
            identity,
            dtls: connection,
            is_found: false,
            srtp: None,
            generator,
            next_check: now,
            out: Output::default(),
        }
    }

    /// The same session, with keys and all, but for what a library of DTLS has: it carries media, and
    /// no messages any more.
    pub(crate) fn fork(&self, now: Time) -> Self {
        let mut out = state::Writer::new(());
        self.dtls.save(&mut out);
        let mut from = state::Reader::new(out.bytes(), ());
        let config = Config::default();
        let dtls = Connection::resumed(&config, &self.identity, epoch(), now, &mut from);
        Self {
            username: self.username.clone(),
            key: self.key.clone(),
            identity: self.identity.clone(),
            dtls: dtls.expect("it was saved"),
            is_found: self.is_found,
            srtp: self
                .srtp
                .as_ref()
                .map(|(inbound, outbound)| (copy(inbound), copy(outbound))),
            generator: self.generator.clone(),
            next_check: self.next_check,
            out: Output::default(),
        }
    }

    /// What signalling tells of it.
    pub(crate) fn dtls_parameters(&self) -> DtlsParameters {
        DtlsParameters {
            role: DtlsRole::Client,
            fingerprints: self.identity.fingerprints().to_vec(),
        }
    }

    /// Media may flow.
    pub(crate) fn is_open(&self) -> bool {
        self.srtp.is_some()
    }

    pub(crate) fn due(&self) -> Time {
        let timeout = self.dtls.next_timeout();
        timeout.map_or(self.next_check, |due| due.min(self.next_check))
    }

    /// Does what is due.
    pub(crate) fn act(&mut self, now: Time, out: &mut Out) {
        if self.next_check <= now {
            out.push(self.check().into());
            self.next_check = now + if self.is_found { CONSENT } else { ASK_AGAIN };
        }
        if self.dtls.next_timeout().is_some_and(|due| due <= now) {
            self.dtls.advance(now);
        }
        self.poll(now, out);
    }

    /// A check that nominates.
    fn check(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let id = self.generator.bits().to_be_bytes();
        let id = *id.first_chunk().expect("it is long enough");
        let mut writer = Writer::new(&mut bytes, Class::Request, BINDING, id);
        writer.username(self.username.as_bytes());
        writer.priority(PRIORITY);
        writer.use_candidate();
        writer.role(Role::Controlling, 7);
        self.key.seal(writer);
        bytes
    }

    /// Takes in a datagram, which may have come before when the link doubled it: what was in it.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        (datagram, is_double): (&[u8], bool),
        out: &mut Out,
    ) -> Opened {
        let error = match classify(datagram) {
            Some(PacketKind::Stun) => self.hear(now, datagram).err(),
            // A record that is not waited for may be late; whether one is sealed well nobody tells.
            Some(PacketKind::Dtls) => (self.dtls.receive(now, datagram).err())
                .filter(|refused| *refused == Refused::Malformed)
                .map(|refused| format!("DTLS that is {refused}")),
            Some(PacketKind::Rtp) => return self.open((datagram, is_double), Inbound::open_rtp),
            Some(PacketKind::Rtcp) => return self.open((datagram, is_double), Inbound::open_rtcp),
            kind => Some(format!("{kind:?} that is not sealed")),
        };
        Opened {
            error,
            ..self.poll(now, out)
        }
    }

    /// Takes in the answer to a check.
    fn hear(&mut self, now: Time, datagram: &[u8]) -> Result<(), String> {
        let answer = Message::parse(datagram).map_err(|_| "malformed STUN")?;
        if !self.key.verifies(&answer) {
            return Err("STUN that is not authentic".into());
        }
        self.is_found = true;
        self.dtls.start(now);
        Ok(())
    }

    fn open(
        &mut self,
        (datagram, is_double): (&[u8], bool),
        open: fn(&mut Inbound, &mut [u8]) -> Result<usize, OpenError>,
    ) -> Opened {
        let mut opened = Opened::default();
        // What overtook the end of the handshake finds no keys.
        if let Some((inbound, _)) = &mut self.srtp {
            let mut bytes = datagram.to_vec();
            match open(inbound, &mut bytes) {
                Ok(len) => {
                    bytes.truncate(len);
                    opened.inner.push(bytes);
                }
                Err(OpenError::Replayed) if is_double => {}
                Err(error) => opened.error = Some(format!("SRTP that it cannot open: {error}")),
            }
        }
        opened
    }

    fn poll(&mut self, now: Time, out: &mut Out) -> Opened {
        self.out.clear();
        self.dtls.poll(now, &mut self.out);
        out.extend(self.out.datagrams().map(|it| it.to_vec().into()));
        let mut opened = Opened::default();
        for event in self.out.events.drain(..) {
            if let Event::Connected(Some(keys)) = event {
                self.srtp = Some(contexts(&keys));
                opened.is_new = true;
            }
        }
        opened.inner.extend(self.out.payloads().map(<[u8]>::to_vec));
        opened
    }

    /// Protects what a peer has to say; nothing is said before keys are agreed on.
    pub(crate) fn seal(&mut self, now: Time, plain: Out, out: &mut Out) {
        for Datagram { bytes, packet } in plain {
            let sealed = |bytes| Datagram { bytes, packet };
            match classify(&bytes) {
                Some(PacketKind::Rtp) => out.extend(self.seal_rtp(&bytes).map(sealed)),
                Some(PacketKind::Rtcp) => out.extend(self.seal_rtcp(&bytes).map(sealed)),
                _ => {
                    // An association asks again.
                    let _ = self.dtls.send(now, &bytes);
                    self.poll(now, out);
                }
            }
        }
    }

    fn seal_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (_, outbound) = self.srtp.as_mut()?;
        let header = RtpHeader::parse(packet).ok()?;
        let (header, payload) = packet.split_at(header.payload_start.into());
        let mut sealed = vec![0; payload.len() + outbound.suite().rtp_overhead()];
        outbound
            .seal_rtp(header, [payload, &[]], &mut sealed)
            .ok()?;
        Some([header, &sealed].concat())
    }

    fn seal_rtcp(&mut self, compound: &[u8]) -> Option<Vec<u8>> {
        let (_, outbound) = self.srtp.as_mut()?;
        let (header, body) = compound.split_first_chunk()?;
        let mut sealed = vec![0; body.len() + outbound.suite().rtcp_overhead()];
        outbound.seal_rtcp(header, [body, &[]], &mut sealed).ok()?;
        Some([header, &sealed[..]].concat())
    }
}

/// What has no other copy than by what is saved of it.
fn copy<T: State<()>>(of: &T) -> T {
    let mut out = state::Writer::new(());
    of.save(&mut out);
    T::load(&mut state::Reader::new(out.bytes(), ())).expect("it was saved")
}

/// What a datagram counts as on the link of a peer. How long those of a handshake are is not the same in
/// every run, since signatures differ by a byte or two: they count as full ones.
pub(crate) fn nominal_len(datagram: &[u8], session: Option<&Session>) -> usize {
    const FULL: usize = 1_200;
    let shakes_hands = session.is_some_and(|session| !session.is_open());
    match classify(datagram) {
        Some(PacketKind::Dtls) if shakes_hands => FULL,
        _ => datagram.len(),
    }
}

fn contexts(keys: &SrtpKeys) -> (Inbound, Outbound) {
    // As many as the largest room has.
    let bounds = Bounds::of(1 << 10);
    (
        Inbound::new(&keys.remote, bounds),
        Outbound::new(&keys.local, bounds),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "an instant can be had from the clock alone; which one it is shows nowhere"
)]
fn epoch() -> Instant {
    Instant::now()
}
