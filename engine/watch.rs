//! What goes through an engine's sockets, datagram by datagram, for who wants to look.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::world::World;
use flumen_components::wire::{PacketKind, classify};
use flumen_components::{
    ConsumerId, Datagram, Destination, Inbox, Listener, Media, Now, Origin, Outbox, ProducerId,
    Protocol, RtcpIn, SocketKey, Sockets, Time, TransportId,
};

use crate::backend::{BindRequest, Flight, Outcome};
use crate::engine::Engine;

/// A datagram that came or left: a frame, where the socket is one of TCP (RFC 4571).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Passage<'a> {
    /// The time of its tick.
    pub at: Time,
    /// It left; otherwise it came.
    pub outgoing: bool,
    /// What the socket is of.
    pub protocol: Protocol,
    /// The address that the socket was bound to: `0.0.0.0` or `::` if that was said.
    pub local: SocketAddr,
    /// Where it came from or went to.
    pub remote: SocketAddr,
    /// The transport that received or sent it; none when it is nobody's.
    pub transport: Option<TransportId>,
    /// The producer whose RTP it is.
    pub producer: Option<ProducerId>,
    /// The consumer whose RTP it is.
    pub consumer: Option<ConsumerId>,
    /// The datagram.
    pub bytes: &'a [u8],
}

/// How much of what is sealed a watcher sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All datagrams as they were on the network.
    AsSent,
    /// RTP and RTCP without their SRTP. What comes and cannot be opened, and DTLS, stay as they are;
    /// what is to leave is shown even if a socket then refuses it.
    Opened,
}

/// What [`Engine::watch`] began, to be ended with [`Engine::unwatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watching(u64);

/// All who watch.
#[derive(Default)]
pub(crate) struct Watches {
    all: Vec<(Watching, Watch)>,
    next: u64,
}

/// Who is told, and of what.
pub(crate) struct Watch {
    view: View,
    tell: Box<dyn FnMut(Passage<'_>) + Send>,
    /// What has come: systems may discard it before its owners are found.
    rows: Vec<Datagram>,
    /// The bytes of the inbox as they came: opening changes them.
    arrived: Vec<u8>,
    datagram: Vec<u8>,
}

/// What is asked about a datagram.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) world: &'a World,
    /// How sockets are bound, and those that are being closed were.
    pub(crate) bound: &'a BTreeMap<SocketKey, BindRequest>,
    /// The transports that are being closed, and with them all that are open.
    pub(crate) closing: &'a EntityHashMap<TransportId>,
}

impl Engine {
    /// Tells `watcher` of every datagram that comes and leaves from here on, in order: for captures and
    /// for tests. Each is copied for that. There may be others who are told, too.
    ///
    /// What an application sends and gets by direct transports is no datagram.
    pub fn watch(
        &mut self,
        view: View,
        watcher: impl FnMut(Passage<'_>) + Send + 'static,
    ) -> Watching {
        self.network.watches.add(Watch::new(view, watcher))
    }

    /// Ends what [`watch`](Self::watch) began. False when it has ended already.
    pub fn unwatch(&mut self, watching: Watching) -> bool {
        let all = &mut self.network.watches.all;
        let before = all.len();
        all.retain(|(one, _)| *one != watching);
        all.len() < before
    }

    /// Something is about to be closed: who watches is to know whose the last words are.
    pub(crate) fn note_closing(&mut self) {
        if !self.network.watches.is_empty() {
            let mut transports = self.world.query::<(Entity, &TransportId)>();
            let open = transports.iter(&self.world);
            self.network.closing = open.map(|(entity, id)| (entity, *id)).collect();
        }
    }
}

impl Watches {
    fn add(&mut self, watch: Watch) -> Watching {
        let watching = Watching(self.next);
        self.next += 1;
        self.all.push((watching, watch));
        watching
    }

    /// Nobody watches.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Tells each of something.
    pub(crate) fn each(&mut self, tell: impl FnMut(&mut Watch)) {
        self.all.iter_mut().map(|(_, watch)| watch).for_each(tell);
    }
}

impl Watch {
    fn new(view: View, tell: impl FnMut(Passage<'_>) + Send + 'static) -> Self {
        Self {
            view,
            tell: Box::new(tell),
            rows: Vec::new(),
            arrived: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// Keeps what has come.
    pub(crate) fn arrive(&mut self, inbox: &Inbox) {
        self.rows.clear();
        self.rows.extend(inbox.datagrams());
        self.arrived.clear();
        self.arrived.extend_from_slice(inbox.bytes());
    }

    /// Tells what has come, once owners are found.
    pub(crate) fn tell_arrivals(&mut self, known: Known<'_>) {
        let world = known.world;
        let inbox = world.resource::<Inbox>();
        for datagram in self.rows.drain(..) {
            let Origin::Network { socket, source } = datagram.origin else {
                continue;
            };
            let opened = match self.view {
                View::AsSent => None,
                View::Opened => opened_len(world, datagram.start),
            };
            let start = datagram.start as usize;
            let bytes = match opened {
                Some(len) => &inbox.bytes()[start..start + len],
                None => &self.arrived[datagram.range()],
            };
            let owner = world.resource::<Sockets>().receiver(socket, source);
            let owner = owner.map(|(transport, _)| transport);
            if let Some(passage) = passage(known, (socket, source), owner, bytes) {
                (self.tell)(Passage {
                    producer: producer(world, owner, bytes),
                    ..passage
                });
            }
        }
    }

    /// Tells what is to leave, before it is sealed.
    pub(crate) fn tell_departures(&mut self, known: Known<'_>) {
        if self.view != View::Opened {
            return;
        }
        let world = known.world;
        let (outbox, inbox) = (world.resource::<Outbox>(), world.resource::<Inbox>());
        for row in &outbox.rows {
            let to = outbox.destinations[row.destination as usize];
            self.depart(known, &to, outbox.parts(row, inbox));
        }
    }

    /// Tells what of a flight has left.
    pub(crate) fn tell_sent(
        &mut self,
        known: Known<'_>,
        flight: &Flight<'_>,
        outcomes: &[Outcome],
    ) {
        if self.view != View::AsSent {
            return;
        }
        for (index, _) in outcomes
            .iter()
            .enumerate()
            .filter(|(_, outcome)| **outcome == Outcome::Sent)
        {
            let transmit = flight.get(index);
            let parts = (transmit.header, transmit.payload);
            self.depart(known, flight.destination(index), parts);
        }
    }

    fn depart(&mut self, known: Known<'_>, to: &Destination, (header, payload): (&[u8], &[u8])) {
        self.datagram.clear();
        self.datagram.extend_from_slice(header);
        self.datagram.extend_from_slice(payload);
        let bytes = &self.datagram[..];
        let owner = Some(to.transport);
        if let Some(passage) = passage(known, (to.socket, to.address), owner, bytes) {
            (self.tell)(Passage {
                outgoing: true,
                consumer: consumer(known.world, owner, bytes),
                ..passage
            });
        }
    }
}

/// What both directions have in common; nothing when there never was such a socket.
fn passage<'a>(
    Known {
        world,
        bound,
        closing,
    }: Known<'_>,
    (socket, remote): (SocketKey, SocketAddr),
    owner: Option<Entity>,
    bytes: &'a [u8],
) -> Option<Passage<'a>> {
    let socket = bound.get(&socket)?;
    let id = |owner| world.get(owner).or_else(|| closing.get(&owner)).copied();
    Some(Passage {
        at: world.resource::<Now>().time,
        outgoing: false,
        protocol: socket.protocol,
        local: socket.address,
        remote,
        transport: owner.and_then(id),
        producer: None,
        consumer: None,
        bytes,
    })
}

/// The length of a packet of this tick that was opened where it lies, or was open.
fn opened_len(world: &World, start: u32) -> Option<usize> {
    let media = world.resource::<Media>().0.iter();
    let reports = world.resource::<RtcpIn>().0.iter();
    let rows = media.map(|packet| (packet.start, packet.len));
    let mut rows = rows.chain(reports.map(|report| (report.start, report.len)));
    rows.find(|row| row.0 == start).map(|row| row.1 as usize)
}

/// The SSRC of an RTP packet, which SRTP leaves in the clear.
fn ssrc(bytes: &[u8]) -> Option<u32> {
    let is_rtp = classify(bytes) == Some(PacketKind::Rtp);
    let field = bytes.get(8..12).filter(|_| is_rtp)?;
    Some(u32::from_be_bytes(field.try_into().ok()?))
}

fn producer(world: &World, transport: Option<Entity>, bytes: &[u8]) -> Option<ProducerId> {
    let listener = world.get::<Listener>(transport?)?;
    let incoming = listener.ssrcs.get(&ssrc(bytes)?)?;
    world.get(incoming.producer).copied()
}

fn consumer(world: &World, transport: Option<Entity>, bytes: &[u8]) -> Option<ConsumerId> {
    let listener = world.get::<Listener>(transport?)?;
    let consumer = listener.consumers.get(&ssrc(bytes)?)?;
    world.get(*consumer).copied()
}
