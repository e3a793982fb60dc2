//! The other side of a WebRTC transport: a full ICE agent as far as it needs one, a DTLS connection,
//! SRTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flumen::components::Generator;
use flumen::components::wire::rtp::RtpHeader;
use flumen::components::wire::stun::{BINDING, Class, Message, Role, TransactionId, Writer};
use flumen::components::wire::{PacketKind, classify, framing};
use flumen::dtls::{Config, Connection, Event, Identity, Output, SrtpKeys};
use flumen::rtp_parameters::MediaKind;
use flumen::srtp::{Bounds, Inbound, Outbound};
use flumen::stun::IntegrityKey;
use flumen::{
    ConsumerId, DtlsParameters, DtlsRole, IceParameters, ListenInfo, ProducerId, TransportId,
    WebRtcListen, WebRtcTransportOptions, components::Protocol,
};

use crate::packet::Packet;
use crate::parameters::vp8;
use crate::room::{LOCAL, Room, address};
use crate::srtp_peer::SrtpPeer;

/// The other side of a WebRTC transport.
pub struct Peer {
    /// The transport.
    pub transport: TransportId,
    /// Where the peer is.
    pub address: SocketAddr,
    /// Where the transport is reached.
    pub server: SocketAddr,
    /// What checks are named and signed with.
    pub parameters: IceParameters,
    /// Its DTLS connection.
    pub dtls: Connection,
    /// What its checks were answered: where they came from, or the code of an error.
    pub answers: Vec<Result<SocketAddr, u16>>,
    /// RTP packets that came, opened.
    pub rtp: Vec<Packet>,
    /// RTCP that came, opened.
    pub rtcp: Vec<Vec<u8>>,
    /// What its DTLS connection carried.
    pub payloads: Vec<Vec<u8>>,
    /// What came and could not be opened.
    pub unopened: usize,
    protocol: Protocol,
    identity: Identity,
    srtp: Option<(Inbound, Outbound)>,
    generator: Generator,
    out: Output,
}

/// What a check says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Check {
    /// The way is to be used.
    pub use_candidate: bool,
    /// It is to be used instead of those nominated with lower numbers.
    pub nomination: Option<u32>,
    /// The sender takes itself for the controlled side.
    pub controlled: bool,
}

impl Check {
    /// One that nominates.
    pub const NOMINATING: Self = Self {
        use_candidate: true,
        nomination: None,
        controlled: false,
    };
}

impl Peer {
    /// The peer of `transport` at `address`, which has heard of nothing yet.
    pub fn new(room: &Room, transport: TransportId, address: SocketAddr) -> Self {
        Self::over(Protocol::Udp, room, transport, address)
    }

    /// The same over a protocol; with TCP it connects.
    pub fn over(
        protocol: Protocol,
        room: &Room,
        transport: TransportId,
        address: SocketAddr,
    ) -> Self {
        let parameters = room.engine.ice_parameters(transport).expect("it is open");
        let candidates = room.engine.ice_candidates(transport).expect("it is open");
        let mut candidates = candidates.iter();
        let candidate = candidates.find(|one| one.protocol == protocol);
        let candidate = candidate.expect("it speaks that");
        let ip = candidate.ip.parse().expect("an address");
        let server = SocketAddr::new(ip, candidate.port);
        if protocol == Protocol::Tcp {
            assert!(room.wire.connect(server, address), "it listens");
        }
        let seed = [address.port() as u8; 32];
        let identity = Identity::generate().expect("a certificate is made");
        let generator = Generator::new(seed, 1);
        let dtls = Connection::new(&Config::default(), &identity, epoch(), generator);
        Self {
            transport,
            address,
            server,
            parameters,
            dtls,
            answers: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            payloads: Vec::new(),
            unopened: 0,
            protocol,
            identity,
            srtp: None,
            generator: Generator::new(seed, 2),
            out: Output::default(),
        }
    }

    /// What signalling tells of it: in `role`.
    pub fn dtls_parameters(&self, role: DtlsRole) -> DtlsParameters {
        DtlsParameters {
            role,
            fingerprints: self.identity.fingerprints().to_vec(),
        }
    }

    /// Signalling: both sides are told of each other, and this one begins the handshake.
    pub fn signal(&mut self, room: &mut Room) {
        let told = self.dtls_parameters(DtlsRole::Client);
        let connected = room.engine.connect_webrtc(self.transport, &told);
        assert_eq!(connected, Ok(DtlsRole::Server));
        self.hear_of(room, DtlsRole::Server);
    }

    /// It is told of the transport, which is to be in `role`.
    pub fn hear_of(&mut self, room: &Room, role: DtlsRole) {
        let told = room.engine.dtls_parameters(self.transport);
        let told = DtlsParameters {
            role,
            ..told.expect("it is open")
        };
        self.dtls
            .connect(room.now, &told)
            .expect("the transport's fingerprints are valid");
        self.dtls.start(room.now);
    }

    /// Finds the transport, is told of it, and shakes hands with it.
    pub fn join(room: &mut Room, transport: TransportId, address: SocketAddr) -> Self {
        Self::new(room, transport, address).joined(room)
    }

    /// The same over TCP.
    pub fn join_over_tcp(room: &mut Room, transport: TransportId, address: SocketAddr) -> Self {
        Self::over(Protocol::Tcp, room, transport, address).joined(room)
    }

    fn joined(mut self, room: &mut Room) -> Self {
        self.signal(room);
        self.check(room, Check::NOMINATING);
        for _ in 0..20 {
            self.turn(room);
        }
        assert!(self.is_connected(), "hands were shaken");
        self
    }

    /// Lets a datagram arrive from its address; false when it is lost.
    pub fn deliver(&self, room: &Room, datagram: &[u8]) -> bool {
        match self.protocol {
            Protocol::Udp => room.wire.inject(self.server, self.address, datagram),
            Protocol::Tcp => room
                .wire
                .write(self.server, self.address, &framed(datagram)),
        }
    }

    /// Keys were agreed on.
    pub fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    /// What is left of it for media, when hands were shaken.
    pub(crate) fn into_srtp(self) -> Option<SrtpPeer> {
        self.srtp.map(SrtpPeer::with_contexts)
    }

    /// A tick passes, and everything arrives that was sent.
    pub fn turn(&mut self, room: &mut Room) {
        self.flush(room);
        room.tick();
        turn_all(room, std::slice::from_mut(self));
    }

    /// Asks from its address.
    pub fn check(&mut self, room: &Room, check: Check) {
        let bytes = self.check_bytes(check);
        self.deliver(room, &bytes);
    }

    /// A check, signed.
    pub fn check_bytes(&mut self, check: Check) -> Vec<u8> {
        let username = format!("{}:peer", self.parameters.username_fragment);
        self.signed(&username, check)
    }

    /// A check with any user name, signed.
    pub fn signed(&mut self, username: &str, check: Check) -> Vec<u8> {
        let mut bytes = Vec::new();
        let id = self.transaction_id();
        let mut writer = Writer::new(&mut bytes, Class::Request, BINDING, id);
        writer.username(username.as_bytes());
        writer.priority(1_845_501_695);
        if check.use_candidate {
            writer.use_candidate();
        }
        if let Some(value) = check.nomination {
            writer.nomination(value);
        }
        let role = if check.controlled {
            Role::Controlled
        } else {
            Role::Controlling
        };
        writer.role(role, 7);
        IntegrityKey::new(&self.parameters.password).seal(writer);
        bytes
    }

    fn transaction_id(&mut self) -> TransactionId {
        let bytes = self.generator.bits().to_be_bytes();
        *bytes.first_chunk().expect("it is long enough")
    }

    /// Sends an RTP packet, sealed.
    pub fn send(&mut self, room: &Room, packet: &Packet) {
        let sealed = self.sealed(packet);
        self.deliver(room, &sealed);
    }

    /// An RTP packet, sealed.
    pub fn sealed(&mut self, packet: &Packet) -> Vec<u8> {
        let bytes = packet.bytes();
        let header = RtpHeader::parse(&bytes).expect("it is RTP");
        let (_, outbound) = self.srtp.as_mut().expect("keys were agreed on");
        let (header, payload) = bytes.split_at(header.payload_start.into());
        let mut out = vec![0; payload.len() + outbound.suite().rtp_overhead()];
        let sealed = outbound.seal_rtp(header, [payload, &[]], &mut out);
        sealed.expect("it can be sealed");
        [header, &out].concat()
    }

    /// Sends RTCP, sealed.
    pub fn send_rtcp(&mut self, room: &Room, compound: &[u8]) {
        let (_, outbound) = self.srtp.as_mut().expect("keys were agreed on");
        let (header, body) = compound.split_first_chunk().expect("it is RTCP");
        let mut out = vec![0; body.len() + outbound.suite().rtcp_overhead()];
        let sealed = outbound.seal_rtcp(header, [body, &[]], &mut out);
        sealed.expect("it can be sealed");
        self.deliver(room, &[header, &out[..]].concat());
    }

    /// Takes in a datagram.
    pub fn receive(&mut self, room: &Room, datagram: &[u8]) {
        match classify(datagram) {
            Some(PacketKind::Stun) => self.receive_answer(datagram),
            Some(PacketKind::Dtls) => {
                if self.dtls.receive(room.now, datagram).is_err() {
                    self.unopened += 1;
                }
                self.flush(room);
            }
            Some(PacketKind::Rtp) => {
                let opened = self.open(datagram, Inbound::open_rtp);
                self.rtp.extend(opened.map(|bytes| Packet::parse(&bytes)));
            }
            Some(PacketKind::Rtcp) => {
                let opened = self.open(datagram, Inbound::open_rtcp);
                self.rtcp.extend(opened);
            }
            _ => self.unopened += 1,
        }
    }

    fn open<E>(
        &mut self,
        datagram: &[u8],
        open: fn(&mut Inbound, &mut [u8]) -> Result<usize, E>,
    ) -> Option<Vec<u8>> {
        let mut bytes = datagram.to_vec();
        let inbound = self.srtp.as_mut().map(|(inbound, _)| inbound);
        let opened = inbound.and_then(|inbound| open(inbound, &mut bytes).ok());
        self.unopened += usize::from(opened.is_none());
        bytes.truncate(opened?);
        Some(bytes)
    }

    fn receive_answer(&mut self, datagram: &[u8]) {
        let answer = Message::parse(datagram).expect("the engine sends well-formed STUN");
        assert!(IntegrityKey::new(&self.parameters.password).verifies(&answer));
        self.answers.push(match (answer.mapped, answer.error) {
            (Some(mapped), None) => Ok(mapped),
            (_, error) => Err(error.expect("an answer says one or the other")),
        });
    }

    /// Sends data in DTLS.
    pub fn send_payload(&mut self, room: &Room, payload: &[u8]) {
        self.dtls.send(room.now, payload).expect("it is connected");
        self.flush(room);
    }

    /// Lets its DTLS connection go on.
    pub fn flush(&mut self, room: &Room) {
        let now = room.now;
        if self.dtls.next_timeout().is_some_and(|due| due <= now) {
            self.dtls.advance(now);
        }
        self.out.clear();
        self.dtls.poll(now, &mut self.out);
        for datagram in self.out.datagrams() {
            self.deliver(room, datagram);
        }
        self.payloads
            .extend(self.out.payloads().map(<[u8]>::to_vec));
        for event in self.out.events.drain(..) {
            if let Event::Connected(Some(keys)) = event {
                self.srtp = Some(contexts(&keys));
            }
        }
    }
}

impl Room {
    /// Two peers on WebRTC transports of their own, and a VP8 video of SSRC 2,222 that the second gets
    /// of the first.
    pub fn browsers(&mut self) -> ([Peer; 2], ProducerId, ConsumerId) {
        let transports = [(); 2].map(|()| self.webrtc());
        let producer = self.produce(transports[0], MediaKind::Video, vp8(2_222));
        let sender = Peer::join(self, transports[0], address(5_000));
        let receiver = Peer::join(self, transports[1], address(6_000));
        let consumer = self.consume(transports[1], producer);
        ([sender, receiver], producer, consumer)
    }

    /// A WebRTC transport on a socket of its own.
    pub fn webrtc(&mut self) -> TransportId {
        self.webrtc_with(|options| options)
    }

    /// A WebRTC transport that is reached over TCP.
    pub fn webrtc_over_tcp(&mut self) -> TransportId {
        let mut info = ListenInfo::new(LOCAL);
        info.protocol = Protocol::Tcp;
        self.webrtc_with(|options| WebRtcTransportOptions {
            listen: WebRtcListen::Own(vec![info]),
            ..options
        })
    }

    /// A WebRTC transport on a socket of its own, made with more.
    pub fn webrtc_with(
        &mut self,
        configure: impl FnOnce(WebRtcTransportOptions) -> WebRtcTransportOptions,
    ) -> TransportId {
        let listen = WebRtcListen::Own(vec![ListenInfo::new(LOCAL)]);
        let options = configure(WebRtcTransportOptions::new(listen));
        let transport = self.engine.create_webrtc_transport(self.router, options);
        transport.expect("the transport opens")
    }
}

/// A datagram as it is in a stream (RFC 4571).
pub fn framed(datagram: &[u8]) -> Vec<u8> {
    let prefix = framing::prefix(datagram.len()).expect("a length can say it");
    [&prefix, datagram].concat()
}

/// Hands out what the engine sent; what is for nobody is dropped.
pub fn turn_all(room: &mut Room, peers: &mut [Peer]) {
    for datagram in room.received() {
        if let Some(peer) = peers.iter_mut().find(|peer| peer.address == datagram.to) {
            peer.receive(room, &datagram.bytes);
        }
    }
}

fn contexts(keys: &SrtpKeys) -> (Inbound, Outbound) {
    let bounds = Bounds::of(16);
    (
        Inbound::new(&keys.remote, bounds),
        Outbound::new(&keys.local, bounds),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "libraries reckon in instants; which one is zero changes nothing"
)]
fn epoch() -> Instant {
    Instant::now() + Duration::ZERO
}
