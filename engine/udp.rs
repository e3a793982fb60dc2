//! The network: every bound socket behind one poll.

mod errno;
mod grouping;
mod listeners;
mod port;
mod sending;
mod writers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flumen_components::{Inbox, Protocol, SocketKey, Workers};
use flumen_net::{Events, Fate, Listener, Options, Receiver, Sender, Socket};
use mio::{Poll, Token};

use self::grouping::Grouping;
use self::listeners::Listeners;
use self::port::{Ports, Reading};
use self::writers::Writers;
use crate::backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Wake};
use crate::rotation::Rotation;

/// The token of the waker; sockets have that of their key, which is 32 bits wide, and connections
/// those of the upper half.
const WAKER: Token = Token(usize::MAX);

/// Events taken from the system at once; more wait for the next call.
const EVENTS: usize = 1024;

/// The [`Backend`] of real sockets: of UDP, and of TCP for WebRTC transports.
///
/// Reads and writes in batches; a run of equal datagrams to one destination costs one walk through
/// the network stack where the system can do that, and what one tick has for a destination leaves
/// together, whichever streams it is of. Where the engine has several threads they write side by side,
/// and what goes to one address is written by one of them. Sockets are read in rotating order. Sleeping is
/// exact to about 0.1 ms on Linux and rounded up to a millisecond elsewhere.
#[derive(Debug)]
pub struct Udp {
    poll: Poll,
    events: Events,
    waker: Arc<mio::Waker>,
    ports: Ports,
    listeners: Listeners,
    rotation: Rotation,
    receiver: Receiver,
    sender: Sender,
    /// Counts flights, so that a port knows in which one it blocked.
    flight: u64,
    kernel_drops: u64,
    socket_errors: u64,
    /// The waker was called and no wait has returned since.
    woken: bool,
    /// A wait has returned and nothing was received since: who is readable is known.
    watched: bool,
    grouping: Grouping,
    /// What became of datagrams, in the order in which they were tried.
    tried: Vec<Outcome>,
    workers: Workers,
    writers: Writers,
}

impl Udp {
    /// A network without sockets.
    ///
    /// # Errors
    ///
    /// When the system gives no poll or no waker: too many open files, usually.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKER)?);
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            waker,
            ports: Ports::default(),
            listeners: Listeners::default(),
            rotation: Rotation::new(),
            receiver: Receiver::new(),
            sender: Sender::new(),
            flight: 0,
            kernel_drops: 0,
            socket_errors: 0,
            woken: false,
            watched: false,
            grouping: Grouping::default(),
            tried: Vec::new(),
            workers: Workers::default(),
            writers: Writers::default(),
        })
    }

    /// Errors that sockets reported of themselves and not of a datagram, since the start.
    pub fn socket_errors(&self) -> u64 {
        self.socket_errors
    }

    /// Waits for events and takes note of them.
    fn watch(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match flumen_net::poll(&mut self.poll, &mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in self.events.iter() {
            if event.token == WAKER {
                self.woken = true;
            } else if !self.listeners.note(&event, &mut self.rotation)
                && let Some(port) = self.ports.get_mut(SocketKey(event.token.0 as u32))
            {
                port.note(&event, self.poll.registry(), &mut self.rotation);
            }
        }
        Ok(())
    }

    fn bind_udp(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let socket = Socket::bind(&options(request))?;
        let bound = Bound {
            local: socket.local(),
            send_buffer_bytes: socket.send_buffer_bytes(),
            receive_buffer_bytes: socket.receive_buffer_bytes(),
        };
        self.ports.open(key, socket, self.poll.registry())?;
        Ok(bound)
    }

    fn listen(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let listener = Listener::bind(&options(request))?;
        let bound = Bound {
            local: listener.local(),
            send_buffer_bytes: listener.send_buffer_bytes(),
            receive_buffer_bytes: listener.receive_buffer_bytes(),
        };
        let unsent = request.unsent_bytes_per_connection;
        self.listeners
            .open(key, listener, unsent, self.poll.registry())?;
        Ok(bound)
    }
}

impl Backend for Udp {
    fn work_with(&mut self, workers: &Workers) {
        self.workers = workers.clone();
    }

    fn bind(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        match request.protocol {
            Protocol::Udp => self.bind_udp(key, request),
            Protocol::Tcp => self.listen(key, request),
        }
    }

    fn close(&mut self, key: SocketKey) {
        self.ports.close(key, self.poll.registry());
        self.listeners.close(key, self.poll.registry());
        self.rotation.remove(key);
    }

    fn hang_up(&mut self, key: SocketKey, remote: SocketAddr) {
        self.listeners.hang_up(key, remote, self.poll.registry());
    }

    fn receive(&mut self, inbox: &mut Inbox, limits: &ReceiveLimits) -> bool {
        // What arrived since the last tick belongs to this one, unless a wait has just looked. A
        // poll that cannot tell is asked again by the next wait, which may say so.
        if !std::mem::take(&mut self.watched) {
            let _ = self.watch(Some(Duration::ZERO));
        }
        self.rotation.serve(limits, |key, limit| {
            if self.listeners.has(key) {
                let (registry, errors) = (self.poll.registry(), &mut self.socket_errors);
                let into = (&mut *inbox, limits, limit);
                return self.listeners.read(key, into, registry, errors);
            }
            let port = self.ports.get_mut(key).expect("a ready socket is bound");
            let mut reading = Reading::new(&mut self.receiver, inbox, limits.datagram_bytes);
            let share = reading.read(port, limit);
            self.kernel_drops += reading.dropped;
            self.socket_errors += reading.errors;
            share
        });
        !self.rotation.is_empty()
    }

    fn send(&mut self, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>) {
        self.flight += 1;
        let mut grouping = std::mem::take(&mut self.grouping);
        match grouping.of(flight) {
            None => self.send_all(flight, |place| place, outcomes),
            Some(order) => {
                let mut tried = std::mem::take(&mut self.tried);
                tried.clear();
                self.send_all(flight, |place| order[place] as usize, &mut tried);
                let start = outcomes.len();
                outcomes.resize(start + flight.len(), Outcome::Blocked);
                for (&index, &outcome) in order.iter().zip(&tried) {
                    outcomes[start + index as usize] = outcome;
                }
                self.tried = tried;
            }
        }
        self.grouping = grouping;
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let busy = self.woken || !self.rotation.is_empty();
        self.watch(if busy { Some(Duration::ZERO) } else { timeout })?;
        self.woken = false;
        self.watched = true;
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(Waker(self.waker.clone()))
    }

    fn kernel_drops(&self) -> u64 {
        self.kernel_drops
    }
}

struct Waker(Arc<mio::Waker>);

impl Wake for Waker {
    fn wake(&self) {
        // Fails only when the system is out of resources, and then there is nobody to tell.
        let _ = self.0.wake();
    }
}

fn options(request: &BindRequest) -> Options {
    Options {
        address: request.address,
        send_buffer_bytes: request.send_buffer_bytes,
        receive_buffer_bytes: request.receive_buffer_bytes,
        ipv6_only: request.ipv6_only,
        reuse_port: request.reuse_port,
    }
}

fn outcome(fate: &Fate) -> Outcome {
    match fate {
        Fate::Sent => Outcome::Sent,
        Fate::Blocked => Outcome::Blocked,
        Fate::Failed(error) => Outcome::Refused(errno::refusal(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use flumen_components::{Destination, Outbox, OutgoingKind, Parked, Refusal};

    use super::*;

    const LIMITS: ReceiveLimits = ReceiveLimits {
        datagrams_per_tick: 200,
        datagrams_per_socket: 70,
        datagram_bytes: 1500,
    };
    const SOON: Option<Duration> = Some(Duration::from_secs(5));

    fn request(address: &str) -> BindRequest {
        BindRequest {
            protocol: Protocol::Udp,
            address: address.parse().unwrap(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            ipv6_only: false,
            reuse_port: false,
            unsent_bytes_per_connection: 0,
        }
    }

    fn bound(sockets: u32) -> (Udp, Vec<SocketAddr>) {
        let mut udp = Udp::new().unwrap();
        let request = request("127.0.0.1:0");
        let bind = |key| udp.bind(SocketKey(key), &request).unwrap().local;
        let locals = (0..sockets).map(bind).collect();
        (udp, locals)
    }

    fn peer() -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(SOON).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    fn send(udp: &mut Udp, datagrams: &[(u32, SocketAddr, &[u8])]) -> Vec<Outcome> {
        let mut parked = Parked::default();
        for &(socket, address, bytes) in datagrams {
            let destination = Destination {
                transport: bevy_ecs::entity::Entity::PLACEHOLDER,
                socket: SocketKey(socket),
                address,
            };
            parked.push(destination, (OutgoingKind::Control, 0), bytes, &[]);
        }
        let (outbox, inbox) = (Outbox::default(), Inbox::default());
        let mut outcomes = Vec::new();
        udp.send(&Flight::new(&parked, &outbox, &inbox), &mut outcomes);
        outcomes
    }

    /// Which sockets received how many datagrams, in order.
    fn receive(udp: &mut Udp, limits: &ReceiveLimits) -> (Vec<(u32, usize)>, bool) {
        let mut inbox = Inbox::default();
        let left = udp.receive(&mut inbox, limits);
        let keys = inbox.datagrams().iter().map(|row| match row.origin {
            flumen_components::Origin::Network { socket, .. } => socket.0,
            other => unreachable!("nothing else was sent: {other:?}"),
        });
        let keys: Vec<_> = keys.collect();
        let groups = keys.chunk_by(|a, b| a == b);
        (groups.map(|group| (group[0], group.len())).collect(), left)
    }

    #[test]
    fn datagrams_keep_their_socket_and_their_source() {
        let (mut udp, locals) = bound(2);
        let (peer, source) = peer();
        peer.send_to(b"one", locals[0]).unwrap();
        peer.send_to(&[7; 1501], locals[1]).unwrap();
        udp.wait(SOON).unwrap();
        let mut inbox = Inbox::default();
        assert!(!udp.receive(&mut inbox, &LIMITS));
        let rows = inbox.datagrams();
        let bytes = |row: usize| &inbox.bytes()[rows[row].range()];
        assert_eq!((bytes(0), rows[0].truncated), (&b"one"[..], false));
        assert_eq!((bytes(1), rows[1].truncated), (&[7; 1500][..], true));
        let origin = |socket| flumen_components::Origin::Network { socket, source };
        assert_eq!(rows[0].origin, origin(SocketKey(0)));
        assert_eq!(rows[1].origin, origin(SocketKey(1)));
    }

    #[test]
    fn a_flooded_socket_gets_its_share_and_the_rest_follows() {
        let (mut udp, locals) = bound(3);
        let (peer, _) = peer();
        for (local, count) in locals.iter().zip([90, 2, 71]) {
            for _ in 0..count {
                peer.send_to(b"flood", local).unwrap();
            }
        }
        let limits = LIMITS;
        assert_eq!(
            receive(&mut udp, &limits),
            (vec![(0, 70), (1, 2), (2, 70)], true)
        );
        udp.wait(None).unwrap();
        assert_eq!(receive(&mut udp, &limits), (vec![(2, 1), (0, 20)], false));
        let few = ReceiveLimits {
            datagrams_per_tick: 1,
            ..LIMITS
        };
        peer.send_to(b"a", locals[0]).unwrap();
        peer.send_to(b"b", locals[1]).unwrap();
        assert_eq!(receive(&mut udp, &few), (vec![(0, 1)], true));
        assert_eq!(receive(&mut udp, &few), (vec![(1, 1)], true));
    }

    /// The same sockets with so many threads, of which each is worth a datagram.
    fn on(threads: usize, mut udp: Udp) -> Udp {
        let limits = flumen_components::Limits {
            datagrams_per_thread: 1,
            ..Default::default()
        };
        udp.work_with(&crate::crew::workers(threads, &limits).unwrap());
        udp
    }

    #[test]
    fn a_flight_keeps_the_order_of_each_destination_and_its_outcomes() {
        (1..4).for_each(a_flight_keeps_its_order);
    }

    fn a_flight_keeps_its_order(threads: usize) {
        let mut udp = on(threads, bound(2).0);
        let (peer, to) = peer();
        let flight: [(u32, _, &[u8]); 6] = [
            (0, to, b"aa"),
            (0, to, b"bb"),
            (1, to, b"c"),
            (7, to, b"nobody"),
            (0, to, &[0; 65_508]),
            (0, to, b"d"),
        ];
        let outcomes = send(&mut udp, &flight);
        let refused = |refusal| Outcome::Refused(refusal);
        let sent = Outcome::Sent;
        let (closed, large) = (refused(Refusal::SocketClosed), refused(Refusal::TooLarge));
        assert_eq!(outcomes, [sent, sent, sent, closed, large, sent]);
        // What one socket sends to one address leaves together; one socket and the other may be at it
        // at once.
        let mut got: Vec<_> = (0..4).map(|_| received(&peer)).collect();
        let other = got.iter().position(|bytes| bytes == b"c").unwrap();
        assert!(threads > 1 || other == 3, "{got:?}");
        got.remove(other);
        assert_eq!(got, [&b"aa"[..], b"bb", b"d"]);
    }

    fn received(peer: &UdpSocket) -> Vec<u8> {
        let mut bytes = [0; 10];
        let len = peer.recv(&mut bytes).unwrap();
        bytes[..len].to_vec()
    }

    #[test]
    fn what_goes_by_tcp_and_udp_leaves_on_any_number_of_threads() {
        for threads in [1, 3] {
            let mut udp = on(threads, bound(1).0);
            let listening = BindRequest {
                protocol: Protocol::Tcp,
                unsent_bytes_per_connection: 1_000,
                ..request("127.0.0.1:0")
            };
            udp.bind(SocketKey(1), &listening).unwrap();
            let ((peer, to), nobody) = (peer(), ([127, 0, 0, 1], 9).into());
            let flight: [(u32, _, &[u8]); 6] = [
                (0, to, b"1"),
                (1, nobody, b"2"),
                (0, to, b"3"),
                (1, nobody, b"4"),
                (2, to, b"5"),
                (0, to, b"6"),
            ];
            let outcomes = send(&mut udp, &flight);
            let [closed, unbound] =
                [Refusal::ConnectionClosed, Refusal::SocketClosed].map(Outcome::Refused);
            let sent = Outcome::Sent;
            assert_eq!(outcomes, [sent, closed, sent, closed, unbound, sent]);
            let got: Vec<_> = (0..3).map(|_| received(&peer)).collect();
            assert_eq!(got, [b"1", b"3", b"6"]);
        }
    }

    #[test]
    fn a_wake_ends_the_current_or_the_next_wait() {
        let (mut udp, _) = bound(1);
        let waker = udp.waker();
        waker.wake();
        receive(&mut udp, &LIMITS);
        udp.wait(None).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "the wake-up comes from another thread"
        )]
        let thread = std::thread::spawn(move || waker.wake());
        udp.wait(None).unwrap();
        thread.join().unwrap();
        udp.wait(Some(Duration::from_micros(200))).unwrap();
    }

    #[test]
    fn a_closed_socket_is_free_again() {
        let mut udp = Udp::new().unwrap();
        // At an address of its own: other tests take ports that are free.
        let first = udp.bind(SocketKey(0), &request("127.0.0.77:0")).unwrap();
        let (peer, _) = peer();
        peer.send_to(b"unread", first.local).unwrap();
        udp.wait(SOON).unwrap();
        udp.close(SocketKey(0));
        assert_eq!(receive(&mut udp, &LIMITS), (vec![], false));
        let same = request(&first.local.to_string());
        // A program that another test starts right now has all sockets until it runs.
        let is_free = (0..1_000).any(|_| {
            udp.bind(SocketKey(1), &same).is_ok() || {
                udp.wait(Some(Duration::from_millis(1))).unwrap();
                false
            }
        });
        assert!(is_free);
        let taken = udp.bind(SocketKey(2), &same).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
