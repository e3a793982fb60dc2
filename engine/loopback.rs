//! A backend without sockets: for tests, benches and simulation.

mod arrivals;
mod link;
mod pipe;
mod ports;
mod sink;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flumen_components::{Inbox, Protocol, SocketKey};

use self::arrivals::Arrivals;
use self::link::{Link, State};
use self::pipe::Listener;
pub use self::sink::Totals;
pub use self::wire::{Sent, Wire};
use crate::backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits, Wake};
use crate::streams::Streams;

/// The buffer size a socket is told to have when it asks for none, in bytes: Linux' own default.
const DEFAULT_BUFFER_BYTES: u32 = 212_992;

/// A [`Backend`] whose sockets exist only in memory; its [`Wire`] plays the network.
///
/// Every datagram sent is written out contiguously, as a kernel would, and summed up. A steady
/// state allocates nothing.
#[derive(Debug)]
pub struct Loopback {
    link: Arc<Link>,
}

impl Loopback {
    /// A loopback without sockets, and its far end.
    pub fn new() -> (Self, Wire) {
        let link = Arc::new(Link::new());
        let wire = Wire { link: link.clone() };
        (Self { link }, wire)
    }
}

impl Backend for Loopback {
    /// Gives the address that is asked for; port 0 becomes the next free one from 40,000 upward.
    fn bind(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let mut state = self.link.state();
        let local = match request.protocol {
            Protocol::Udp => state.ports.bind(key, request, Arrivals::default()),
            Protocol::Tcp => {
                let listener = Listener {
                    streams: Streams::default(),
                    unsent_bytes: request.unsent_bytes_per_connection,
                };
                state.listeners.bind(key, request, listener)
            }
        }?;
        let buffer = |asked: Option<u32>| asked.unwrap_or(DEFAULT_BUFFER_BYTES);
        Ok(Bound {
            local,
            send_buffer_bytes: buffer(request.send_buffer_bytes),
            receive_buffer_bytes: buffer(request.receive_buffer_bytes),
        })
    }

    fn close(&mut self, key: SocketKey) {
        let mut state = self.link.state();
        state.ports.close(key);
        state.listeners.close(key);
        state.rotation.remove(key);
    }

    fn hang_up(&mut self, key: SocketKey, remote: SocketAddr) {
        let mut state = self.link.state();
        if let Some(port) = state.listeners.get_mut(key) {
            port.held.streams.close(remote);
        }
    }

    fn receive(&mut self, inbox: &mut Inbox, limits: &ReceiveLimits) -> bool {
        let mut state = self.link.state();
        let State {
            ports,
            listeners,
            rotation,
            ..
        } = &mut *state;
        rotation.serve(limits, |key, limit| {
            if let Some(port) = listeners.get_mut(key) {
                let into = (&mut *inbox, limits, limit);
                return port.held.streams.read(key, into, || None, drop);
            }
            let port = ports.get_mut(key).expect("a ready socket is bound");
            port.read(inbox, limit, limits.datagram_bytes)
        });
        !rotation.is_empty()
    }

    fn send(&mut self, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>) {
        let mut state = self.link.state();
        let start = outcomes.len();
        while let sent = outcomes.len() - start
            && sent < flight.len()
        {
            let transmit = flight.get(sent);
            if state.listeners.has(transmit.socket) {
                state.send_on_connections(sent, flight, outcomes);
            } else {
                outcomes.push(state.send(&transmit));
            }
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.link.wait(timeout);
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.link.clone()
    }

    fn kernel_drops(&self) -> u64 {
        self.link.state().kernel_drops
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use flumen_components::{Destination, Origin, Outbox, Outgoing, OutgoingKind, Parked, Refusal};

    use super::*;

    const LIMITS: ReceiveLimits = ReceiveLimits {
        datagrams_per_tick: 16,
        datagrams_per_socket: 4,
        datagram_bytes: 1500,
    };

    fn peer() -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 9], 6000))
    }

    fn bound(sockets: u32) -> (Loopback, Wire, Vec<SocketAddr>) {
        let (mut loopback, wire) = Loopback::new();
        let request = BindRequest {
            protocol: Protocol::Udp,
            address: ([10, 0, 0, 1], 0).into(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            ipv6_only: false,
            reuse_port: false,
            unsent_bytes_per_connection: 0,
        };
        let bind = |key| loopback.bind(SocketKey(key), &request).unwrap().local;
        let locals = (0..sockets).map(bind).collect();
        (loopback, wire, locals)
    }

    fn send(loopback: &mut Loopback, socket: u32, payloads: &[&[u8]]) -> Vec<Outcome> {
        send_to(peer(), loopback, socket, payloads)
    }

    fn send_to(
        address: SocketAddr,
        loopback: &mut Loopback,
        socket: u32,
        payloads: &[&[u8]],
    ) -> Vec<Outcome> {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
        let transport = bevy_ecs::entity::Entity::PLACEHOLDER;
        outbox.destinations.push(Destination {
            transport,
            socket: SocketKey(socket),
            address,
        });
        outbox.headers.push(b'>');
        for payload in payloads {
            let payload_start = inbox.cursor() as u32;
            inbox.push(Origin::Direct { transport }, payload);
            outbox.rows.push(Outgoing {
                destination: 0,
                header_start: 0,
                payload_start,
                header_len: 1,
                payload_len: payload.len() as u16,
                abs_send_time: 0,
                transport_sequence: 0,
                kind: OutgoingKind::Media,
                overhead: 0,
            });
        }
        let mut outcomes = Vec::new();
        let parked = Parked::default();
        loopback.send(&Flight::new(&parked, &outbox, &inbox), &mut outcomes);
        outcomes
    }

    fn received(inbox: &Inbox) -> Vec<(&[u8], bool)> {
        let datagram =
            |row: &flumen_components::Datagram| (&inbox.bytes()[row.range()], row.truncated);
        inbox.datagrams().iter().map(datagram).collect()
    }

    #[test]
    fn what_is_injected_is_received_in_order_and_cut_where_too_long() {
        let (mut loopback, wire, locals) = bound(1);
        let mut inbox = Inbox::default();
        wire.inject(locals[0], peer(), b"one");
        wire.inject(locals[0], peer(), &[7; 1501]);
        assert!(!loopback.receive(&mut inbox, &LIMITS));
        assert_eq!(
            received(&inbox),
            [(&b"one"[..], false), (&[7; 1500][..], true)]
        );
        let socket = SocketKey(0);
        let source = peer();
        assert_eq!(
            inbox.datagrams()[0].origin,
            Origin::Network { socket, source }
        );
    }

    #[test]
    fn a_flooded_socket_gets_its_share_and_the_rest_follows() {
        let (mut loopback, wire, locals) = bound(2);
        for number in 0..6 {
            wire.inject(locals[0], peer(), &[number]);
        }
        wire.inject(locals[1], peer(), b"b");
        let mut inbox = Inbox::default();
        assert!(loopback.receive(&mut inbox, &LIMITS));
        let bytes: Vec<u8> = received(&inbox).iter().map(|row| row.0[0]).collect();
        assert_eq!(bytes, [0, 1, 2, 3, b'b']);
        assert!(!loopback.receive(&mut inbox, &LIMITS));
        assert_eq!(inbox.datagrams().len(), 7);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (loopback, wire, locals) = bound(1);
        wire.limit_queues(1);
        assert!(wire.inject(locals[0], peer(), b"kept"));
        assert!(!wire.inject(locals[0], peer(), b"dropped"));
        assert_eq!(loopback.kernel_drops(), 1);
    }

    #[test]
    fn what_is_sent_can_be_taken() {
        let (mut loopback, wire, locals) = bound(1);
        assert_eq!(send(&mut loopback, 0, &[b"one"]), [Outcome::Sent]);
        let (from, to) = (locals[0], peer());
        let bytes = b">one".to_vec();
        assert_eq!(wire.take_sent(), [Sent { from, to, bytes }]);
        assert_eq!(wire.take_sent(), []);
        assert_eq!((wire.totals().datagrams, wire.totals().bytes), (1, 4));
    }

    #[test]
    fn a_visitor_may_use_the_wire() {
        let (mut loopback, wire, _) = bound(1);
        send(&mut loopback, 0, &[b"echo"]);
        wire.for_each_sent(|from, to, datagram| {
            wire.inject(from, to, datagram);
        });
        let mut inbox = Inbox::default();
        loopback.receive(&mut inbox, &LIMITS);
        assert_eq!(received(&inbox), [(&b">echo"[..], false)]);
    }

    #[test]
    fn a_blocked_socket_blocks_everything_after() {
        let (mut loopback, wire, locals) = bound(2);
        wire.block_after(locals[0], 1);
        let outcomes = send(&mut loopback, 0, &[b"a", b"b", b"c"]);
        assert_eq!(
            outcomes,
            [Outcome::Sent, Outcome::Blocked, Outcome::Blocked]
        );
        assert_eq!(send(&mut loopback, 1, &[b"d"]), [Outcome::Sent]);
        wire.unblock(locals[0]);
        loopback.wait(None).unwrap();
        assert_eq!(send(&mut loopback, 0, &[b"b"]), [Outcome::Sent]);
    }

    #[test]
    fn refusals_come_as_scripted() {
        let (mut loopback, wire, _) = bound(1);
        wire.refuse_next(peer(), Refusal::Unreachable);
        let refused = Outcome::Refused(Refusal::Unreachable);
        assert_eq!(
            send(&mut loopback, 0, &[b"a", b"b"]),
            [refused, Outcome::Sent]
        );
        let closed = Outcome::Refused(Refusal::SocketClosed);
        assert_eq!(send(&mut loopback, 7, &[b"a"]), [closed]);
        let ipv6 = ([0, 0, 0, 0, 0, 0, 0, 1], 6000).into();
        let invalid = Outcome::Refused(Refusal::AddressInvalid);
        assert_eq!(send_to(ipv6, &mut loopback, 0, &[b"a"]), [invalid]);
        let too_large = Outcome::Refused(Refusal::TooLarge);
        assert_eq!(send(&mut loopback, 0, &[&[0; 65_507]]), [too_large]);
    }

    #[test]
    fn a_wait_ends_when_woken_or_when_something_is_there() {
        let (mut loopback, wire, locals) = bound(1);
        let waker = loopback.waker();
        #[expect(
            clippy::disallowed_methods,
            reason = "the wake-up comes from another thread"
        )]
        let thread = std::thread::spawn(move || waker.wake());
        loopback.wait(None).unwrap();
        thread.join().unwrap();
        wire.inject(locals[0], peer(), b"readable");
        loopback.wait(None).unwrap();
        loopback.wait(Some(Duration::ZERO)).unwrap();
    }
}
