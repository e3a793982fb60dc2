//! A router on the loopback backend, on virtual time, with its ledgers checked after every tick.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::{Directory, Link, LocalAddresses, Path, find};
use flumen::ecs::component::Component;
use flumen::rtp_parameters::{MediaKind, RtpCapabilities, RtpParameters};
use flumen::srtp::CryptoSuite;
use flumen::{
    Builder, ConnectOptions, ConsumerId, ConsumerOptions, Digest, Engine, Event, Listen,
    ListenInfo, Loopback, PlainTransportOptions, ProducerId, ProducerOptions, RouterId, Snapshot,
    Time, TransportId, Wire,
};

use crate::packet::Packet;
use crate::parameters::media_codecs;
use crate::srtp_peer::SrtpPeer;

/// A router, and the network around it.
pub struct Room {
    /// The engine.
    pub engine: Engine,
    /// The far end of its network.
    pub wire: Wire,
    /// Its only router.
    pub router: RouterId,
    /// The time of the last tick.
    pub now: Time,
    /// Transports are made with SRTP of this suite.
    pub srtp: Option<CryptoSuite>,
    /// Who seals what arrives from an address, and opens what goes there.
    pub peers: BTreeMap<SocketAddr, SrtpPeer>,
    /// What has left since the start or [`Room::snapshot`]: every byte, where to, and when.
    pub left: Digest,
}

/// A datagram that the engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The engine's address.
    pub from: SocketAddr,
    /// The receiver's address.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// An address of the far end.
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::new(LOCAL, port)
}

/// The address that engines listen on in tests.
pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    /// A room with the default limits.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A room whose engine is built with more.
    pub fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let (backend, wire) = Loopback::new();
        let builder = Engine::builder()
            .seed([7; 32])
            .ntp_epoch(1 << 32)
            .backend(backend);
        let mut engine = configure(builder).build().expect("the engine builds");
        let router = engine
            .create_router(&media_codecs())
            .expect("the codecs are supported");
        Self {
            engine,
            wire,
            router,
            now: Time::ZERO,
            srtp: None,
            peers: BTreeMap::new(),
            left: Digest::default(),
        }
    }

    /// What the router can route: used as the capabilities of receivers that can take everything.
    pub fn capabilities(&self) -> RtpCapabilities {
        self.engine
            .rtp_capabilities(self.router)
            .expect("the router is open")
            .clone()
    }

    /// A plain transport connected to `remote`.
    pub fn plain(&mut self, remote: SocketAddr) -> TransportId {
        if let Some(suite) = self.srtp {
            let transport = self.open(Self::srtp_options(suite));
            self.join_sealed(transport, remote);
            return transport;
        }
        let transport = self.unconnected();
        let to = ConnectOptions {
            ip: Some(remote.ip()),
            port: Some(remote.port()),
            ..ConnectOptions::default()
        };
        self.engine
            .connect(transport, &to)
            .expect("the transport connects");
        transport
    }

    /// A plain transport that is not connected yet.
    pub fn unconnected(&mut self) -> TransportId {
        let options = PlainTransportOptions::new(Listen::Own(ListenInfo::new(LOCAL)));
        self.engine
            .create_plain_transport(self.router, options)
            .expect("the transport opens")
    }

    /// A direct transport.
    pub fn direct(&mut self) -> TransportId {
        self.engine
            .create_direct_transport(self.router)
            .expect("the router is open")
    }

    /// The local address of a plain transport.
    pub fn local(&self, transport: TransportId) -> SocketAddr {
        let addresses: &LocalAddresses = self.part(transport);
        SocketAddr::new(LOCAL, addresses.rtp.bound.port())
    }

    fn part<T: Component>(&self, transport: TransportId) -> &T {
        let world = self.engine.world();
        let entity = find(world, transport).expect("the transport is open");
        world.get(entity).expect("the transport is plain")
    }

    /// A producer.
    pub fn produce(
        &mut self,
        transport: TransportId,
        kind: MediaKind,
        parameters: RtpParameters,
    ) -> ProducerId {
        let options = ProducerOptions::new(kind, parameters);
        self.engine
            .produce(transport, options)
            .expect("the parameters are valid")
    }

    /// A consumer that takes everything the router can route.
    pub fn consume(&mut self, transport: TransportId, producer: ProducerId) -> ConsumerId {
        let options = ConsumerOptions::new(producer, self.capabilities());
        self.engine
            .consume(transport, options)
            .expect("the producer can be consumed")
    }

    /// Lets a packet arrive at a transport, from the remote address it is connected to.
    pub fn arrive(&mut self, transport: TransportId, packet: &Packet) {
        self.arrive_bytes(transport, &packet.bytes());
    }

    /// Lets bytes arrive at a transport, from the remote address it is connected to.
    pub fn arrive_bytes(&mut self, transport: TransportId, bytes: &[u8]) {
        let path: &Path = self.part(transport);
        let Link::Udp { remote, .. } = path.rtp else {
            panic!("the transport is plain");
        };
        let from = remote.expect("it is connected");
        let to = self.local(transport);
        match self.peers.get_mut(&from) {
            Some(peer) => self.wire.inject(to, from, &peer.seal(bytes)),
            None => self.wire.inject(to, from, bytes),
        };
    }

    /// Ticks a millisecond later, and checks the ledgers.
    pub fn tick(&mut self) {
        self.tick_after(Duration::from_millis(1));
    }

    /// Ticks `span` later, and checks the ledgers.
    pub fn tick_after(&mut self, span: Duration) {
        self.now += span;
        self.engine.tick(self.now).expect("the tick runs");
        self.engine.check_ledger().expect("no packet vanishes");
    }

    /// Takes a snapshot, with which another engine goes on in place of this one if it is to be
    /// `elsewhere`. What had left and was not looked at is forgotten.
    ///
    /// # Panics
    ///
    /// When it cannot be taken or restored.
    pub fn snapshot(&mut self, elsewhere: bool) -> Snapshot {
        self.engine.drain_events();
        let snapshot = self.engine.snapshot().expect("a snapshot can be taken");
        if elsewhere {
            self.go_on(&snapshot, |builder| builder);
        }
        self.on_the_wire();
        self.left = Digest::default();
        snapshot
    }

    /// Another engine, of a builder with more, goes on in place of this one.
    ///
    /// # Panics
    ///
    /// When it cannot be restored.
    pub fn go_on(&mut self, snapshot: &Snapshot, configure: impl FnOnce(Builder) -> Builder) {
        let bytes = snapshot.to_bytes();
        let read = Snapshot::from_bytes(&bytes).expect("it is whole");
        let (backend, wire) = Loopback::new();
        let builder = configure(Engine::builder().backend(backend));
        self.engine = builder.restore(&read).expect("it can be restored");
        self.wire = wire;
    }

    /// What the engine has sent since the last call, opened by its receivers.
    ///
    /// # Panics
    ///
    /// When one of them cannot open something.
    pub fn received(&mut self) -> Vec<Received> {
        let mut received = self.on_the_wire();
        for datagram in &mut received {
            if let Some(peer) = self.peers.get_mut(&datagram.to) {
                let opened = peer.open(&datagram.bytes);
                datagram.bytes = opened.expect("what leaves is sealed for its receiver");
            }
        }
        received
    }

    /// What the engine has sent since the last call, as it is on the wire.
    pub fn on_the_wire(&mut self) -> Vec<Received> {
        let mut received = Vec::new();
        let (left, now) = (&mut self.left, self.now);
        self.wire.for_each_sent(|from, to, bytes| {
            left.write_u64(now.as_nanos());
            left.write(format!("{from} {to} {}", bytes.len()).as_bytes());
            left.write(bytes);
            received.push(Received {
                from,
                to,
                bytes: bytes.to_vec(),
            });
        });
        received
    }

    /// The RTP packets that the engine has sent to `to` since the last call; all else is dropped.
    pub fn rtp_to(&mut self, to: SocketAddr) -> Vec<Packet> {
        let received = self.received();
        let mine = received.iter().filter(|datagram| datagram.to == to);
        let rtp = mine.filter(|datagram| classify(&datagram.bytes) == Some(PacketKind::Rtp));
        rtp.map(|datagram| Packet::parse(&datagram.bytes)).collect()
    }

    /// The events since the last call, as (subject's name and identifier stripped) event names.
    pub fn event_names(&mut self) -> Vec<&'static str> {
        self.engine.drain_events().iter().map(Event::name).collect()
    }
}

/// What an error must not change: the entities, who is called what, and what happened.
fn state(room: &mut Room) -> (u32, String, usize) {
    let events = room.engine.drain_events().len();
    let world = room.engine.world();
    let names = format!("{:?}", world.resource::<Directory>());
    (world.entities().count_spawned(), names, events)
}

/// Runs `attempt`, which must fail and leave everything as it was.
///
/// # Panics
///
/// When it succeeds or changes anything.
pub fn fails<T, E>(room: &mut Room, attempt: impl FnOnce(&mut Room) -> Result<T, E>) -> E {
    room.engine.drain_events();
    let before = state(room);
    let Err(error) = attempt(room) else {
        panic!("it must fail");
    };
    assert_eq!(state(room), before, "a failure changes nothing");
    room.tick();
    error
}
