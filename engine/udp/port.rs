//! The sockets of the network backend: who is bound, who can be read, who waits for room.

use std::io;

use flumen_components::{Inbox, Origin, SocketKey};
use flumen_net::{BATCH, Event, Receiver, Socket};
use mio::{Interest, Registry, Token};

use crate::rotation::{Rotation, Share};
use crate::slots::Slots;

/// The bound sockets.
#[derive(Debug, Default)]
pub(super) struct Ports(Slots<Port>);

/// One bound socket.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) socket: Socket,
    key: SocketKey,
    /// It is in the rotation. The system signals an arrival once, so this stays until a read found
    /// nothing more.
    readable: bool,
    /// It blocked, and the system is to signal when it has room again. Not asked for otherwise:
    /// every datagram that leaves would be signalled and wake the engine for nothing.
    awaits_room: bool,
    /// The last flight in which it blocked.
    blocked_in: u64,
}

/// The reading of one socket within a tick.
pub(super) struct Reading<'a> {
    /// Datagrams that the kernel dropped before those that were read.
    pub(super) dropped: u64,
    /// Errors of the socket itself.
    pub(super) errors: u64,
    receiver: &'a mut Receiver,
    inbox: &'a mut Inbox,
    slot_bytes: usize,
}

impl Ports {
    /// Takes a bound socket in and watches it.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` for a key that is bound; what the system says when it cannot watch more.
    pub(super) fn open(
        &mut self,
        key: SocketKey,
        mut socket: Socket,
        registry: &Registry,
    ) -> io::Result<()> {
        if !self.0.is_vacant(key) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        registry.register(&mut socket, token(key), Interest::READABLE)?;
        let port = Port {
            socket,
            key,
            readable: false,
            awaits_room: false,
            blocked_in: 0,
        };
        self.0.insert(key, port);
        Ok(())
    }

    pub(super) fn close(&mut self, key: SocketKey, registry: &Registry) {
        if let Some(mut port) = self.0.remove(key) {
            // Fails only when the system has forgotten the socket, which is what is wanted.
            let _ = registry.deregister(&mut port.socket);
        }
    }

    pub(super) fn get(&self, key: SocketKey) -> Option<&Port> {
        self.0.get(key)
    }

    pub(super) fn get_mut(&mut self, key: SocketKey) -> Option<&mut Port> {
        self.0.get_mut(key)
    }
}

impl Port {
    /// Takes note of what the system signalled.
    pub(super) fn note(&mut self, event: &Event, registry: &Registry, rotation: &mut Rotation) {
        // An error is fetched by reading.
        if (event.readable || event.error) && !self.readable {
            self.readable = true;
            rotation.add(self.key);
        }
        if event.writable && self.awaits_room {
            self.awaits_room = !self.watch(registry, Interest::READABLE);
        }
    }

    /// It blocked in this flight: whatever follows there is blocked too.
    pub(super) fn block(&mut self, flight: u64, registry: &Registry) {
        self.blocked_in = flight;
        if !self.awaits_room {
            self.awaits_room = self.watch(registry, Interest::READABLE | Interest::WRITABLE);
        }
    }

    pub(super) fn is_blocked_in(&self, flight: u64) -> bool {
        self.blocked_in == flight
    }

    fn watch(&mut self, registry: &Registry, interest: Interest) -> bool {
        let token = token(self.key);
        registry
            .reregister(&mut self.socket, token, interest)
            .is_ok()
    }
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        receiver: &'a mut Receiver,
        inbox: &'a mut Inbox,
        datagram_bytes: usize,
    ) -> Self {
        Self {
            dropped: 0,
            errors: 0,
            receiver,
            inbox,
            slot_bytes: datagram_bytes.max(1),
        }
    }

    /// Moves up to `limit` datagrams into the inbox.
    pub(super) fn read(&mut self, port: &mut Port, limit: usize) -> Share {
        let mut taken = 0;
        while port.readable && taken < limit {
            taken += self.read_batch(port, BATCH.min(limit - taken));
        }
        let more = port.readable;
        Share { taken, more }
    }

    fn read_batch(&mut self, port: &mut Port, slots: usize) -> usize {
        let first = self.inbox.cursor();
        let arena = self.inbox.reserve(slots * self.slot_bytes);
        let read = self
            .receiver
            .receive(&mut port.socket, arena, self.slot_bytes);
        let starts = (first..).step_by(self.slot_bytes);
        for (start, received) in starts.zip(self.receiver.received()) {
            let origin = Origin::Network {
                socket: port.key,
                source: received.source,
            };
            let range = start..start + received.len;
            self.inbox.commit(origin, range, received.truncated);
        }
        port.readable = !read.drained;
        self.dropped += u64::from(read.dropped);
        self.errors += u64::from(read.errors);
        read.datagrams
    }
}

fn token(key: SocketKey) -> Token {
    Token(key.0 as usize)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use flumen_components::{Destination, Outbox, OutgoingKind, Parked};

    use super::*;
    use crate::backend::{Backend, BindRequest, Flight, Outcome};
    use crate::udp::Udp;

    const INSIDE: &str = "FLUMEN_TEST_NAMESPACE";
    const KEY: SocketKey = SocketKey(0);

    /// On the loopback interface no sender ever blocks and every packet fits, so these tests run
    /// again in a network of their own, where machines allow that to a test.
    fn in_a_network_of_its_own(test: &str, body: fn(Udp)) {
        if std::env::var_os(INSIDE).is_some() {
            return body(bound());
        }
        let unshare = |program: &str| {
            let mut command = Command::new("unshare");
            command.args(["-Urn", program]).env(INSIDE, "1");
            command
        };
        if unshare("ip")
            .arg("link")
            .output()
            .is_ok_and(|tried| tried.status.success())
        {
            let tests = std::env::current_exe().unwrap();
            let name = format!("udp::port::tests::{test}");
            let ran = unshare(tests.to_str().unwrap())
                .args(["--exact", &name])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
    }

    /// A socket on a wire on which nobody answers.
    fn bound() -> Udp {
        ip("link add v0 type veth peer name v1");
        ip("addr add 10.99.0.1/24 dev v0");
        ip("link set v0 up");
        ip("link set v1 up");
        let mut udp = Udp::new().unwrap();
        let request = BindRequest {
            protocol: flumen_components::Protocol::Udp,
            address: ([10, 99, 0, 1], 0).into(),
            send_buffer_bytes: Some(8192),
            receive_buffer_bytes: None,
            ipv6_only: false,
            reuse_port: false,
            unsent_bytes_per_connection: 0,
        };
        udp.bind(KEY, &request).unwrap();
        udp
    }

    fn introduce_the_neighbour() {
        ip("neigh replace 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0");
    }

    #[test]
    fn a_blocked_socket_ends_the_wait_when_it_has_room() {
        let test = "a_blocked_socket_ends_the_wait_when_it_has_room";
        in_a_network_of_its_own(test, |mut udp| {
            // A run of equal length, then datagrams that form none.
            let mut lengths: Vec<usize> = [1000; 4].into_iter().chain(100..150).collect();
            let outcomes = send(&mut udp, &lengths);
            let sent = outcomes.partition_point(|outcome| *outcome == Outcome::Sent);
            assert!((4..lengths.len()).contains(&sent));
            assert!(
                outcomes[sent..]
                    .iter()
                    .all(|outcome| *outcome == Outcome::Blocked)
            );
            udp.wait(Some(Duration::from_micros(500))).unwrap();
            assert!(awaits_room(&mut udp));
            introduce_the_neighbour();
            udp.wait(None).unwrap();
            assert!(!awaits_room(&mut udp));
            lengths.drain(..sent);
            assert_sent(&mut udp, &lengths);
        });
    }

    #[test]
    fn a_run_longer_than_the_path_allows_leaves_all_the_same() {
        let test = "a_run_longer_than_the_path_allows_leaves_all_the_same";
        in_a_network_of_its_own(test, |mut udp| {
            introduce_the_neighbour();
            assert_sent(&mut udp, &[2000, 2000, 100]);
        });
    }

    /// One thread finds no room, and what it leaves and others send is all tried again.
    #[test]
    fn a_socket_that_blocks_several_threads_ends_the_wait_too() {
        let test = "a_socket_that_blocks_several_threads_ends_the_wait_too";
        in_a_network_of_its_own(test, |mut udp| {
            let limits = flumen_components::Limits {
                datagrams_per_thread: 1,
                ..Default::default()
            };
            udp.work_with(&crate::crew::workers(3, &limits).unwrap());
            let ports = |count| (5_000..5_000 + count).map(|port| (port, 500));
            let outcomes = send_to(&mut udp, ports(60));
            let blocked = |outcome: &&Outcome| **outcome == Outcome::Blocked;
            let waiting = outcomes.iter().filter(blocked).count();
            assert!((20..60).contains(&waiting), "{outcomes:?}");
            assert!(awaits_room(&mut udp));
            introduce_the_neighbour();
            udp.wait(None).unwrap();
            let outcomes = send_to(&mut udp, ports(waiting as u16));
            assert_eq!(outcomes, vec![Outcome::Sent; waiting]);
        });
    }

    fn assert_sent(udp: &mut Udp, lengths: &[usize]) {
        let outcomes = send(udp, lengths);
        let sent = |outcome: &Outcome| *outcome == Outcome::Sent;
        assert!(outcomes.iter().all(sent), "{outcomes:?}");
    }

    fn ip(arguments: &str) {
        let ran = Command::new("ip")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }

    fn awaits_room(udp: &mut Udp) -> bool {
        udp.ports.get_mut(KEY).unwrap().awaits_room
    }

    fn send(udp: &mut Udp, lengths: &[usize]) -> Vec<Outcome> {
        send_to(udp, lengths.iter().map(|&len| (5_000, len)))
    }

    /// Sends datagrams of some lengths to some ports.
    fn send_to(udp: &mut Udp, datagrams: impl Iterator<Item = (u16, usize)>) -> Vec<Outcome> {
        let mut parked = Parked::default();
        for (port, len) in datagrams {
            let destination = Destination {
                transport: bevy_ecs::entity::Entity::PLACEHOLDER,
                socket: KEY,
                address: ([10, 99, 0, 2], port).into(),
            };
            parked.push(destination, (OutgoingKind::Control, 0), &vec![0; len], &[]);
        }
        let (outbox, inbox, mut outcomes) = (Outbox::default(), Inbox::default(), Vec::new());
        udp.send(&Flight::new(&parked, &outbox, &inbox), &mut outcomes);
        outcomes
    }
}
