//! The sockets of the network backend: who is bound, who can be read, who waits for room.

use std::io;

use flumen_components::{Inbox, Origin, SocketKey};
use flumen_net::{BATCH, Receiver, Socket};
use mio::event::Event;
use mio::{Interest, Registry, Token};

use crate::rotation::{Rotation, Share};

/// The bound sockets by rising key.
///
/// Keys rise and are never used again, so a table indexed by key would only grow; a sorted one
/// stays as small as what is bound, and a new socket goes to its end.
#[derive(Debug, Default)]
pub(super) struct Ports {
    bound: Vec<Port>,
}

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
        let Err(position) = self.position(key) else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        registry.register(&mut socket, token(key), Interest::READABLE)?;
        let port = Port {
            socket,
            key,
            readable: false,
            awaits_room: false,
            blocked_in: 0,
        };
        self.bound.insert(position, port);
        Ok(())
    }

    pub(super) fn close(&mut self, key: SocketKey, registry: &Registry) {
        if let Ok(position) = self.position(key) {
            let mut port = self.bound.remove(position);
            // Fails only when the system has forgotten the socket, which is what is wanted.
            let _ = registry.deregister(&mut port.socket);
        }
    }

    pub(super) fn get_mut(&mut self, key: SocketKey) -> Option<&mut Port> {
        let position = self.position(key).ok()?;
        Some(&mut self.bound[position])
    }

    fn position(&self, key: SocketKey) -> Result<usize, usize> {
        self.bound.binary_search_by_key(&key, |port| port.key)
    }
}

impl Port {
    /// Takes note of what the system signalled.
    pub(super) fn note(&mut self, event: &Event, registry: &Registry, rotation: &mut Rotation) {
        // An error is fetched by reading.
        if (event.is_readable() || event.is_error()) && !self.readable {
            self.readable = true;
            rotation.add(self.key);
        }
        if event.is_writable() && self.awaits_room {
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
