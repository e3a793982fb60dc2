//! Datagrams under way, each released at its own time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use flumen::Time;

use crate::peer_id::PeerId;
use crate::sending::Packet;

/// Where a datagram is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toward {
    /// From a peer to the engine.
    Engine {
        peer: PeerId,
        /// What it carries, if that is a packet of a medium.
        packet: Option<Packet>,
    },
    /// From the engine to a peer.
    Peer {
        peer: PeerId,
        /// It arrives twice.
        is_double: bool,
    },
}

/// A datagram that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    due: Time,
    order: u64,
    pub(crate) toward: Toward,
    pub(crate) bytes: Vec<u8>,
}

/// All datagrams under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    flying: BinaryHeap<Reverse<Flight>>,
    sent: u64,
    /// Buffers of datagrams that arrived, for those to come.
    spare: Vec<Vec<u8>>,
}

impl Network {
    /// Lets a datagram arrive at `due`; of two at one time the first one sent comes first.
    pub(crate) fn send(&mut self, due: Time, toward: Toward, datagram: &[u8]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(datagram);
        self.sent += 1;
        self.flying.push(Reverse(Flight {
            due,
            order: self.sent,
            toward,
            bytes,
        }));
    }

    /// When the next datagram arrives.
    pub(crate) fn next(&self) -> Option<Time> {
        self.flying.peek().map(|flight| flight.0.due)
    }

    /// The next datagram that has arrived by `now`.
    pub(crate) fn arrival(&mut self, now: Time) -> Option<Flight> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse(flight)| flight)
    }

    /// Takes back the buffer of a datagram.
    pub(crate) fn recycle(&mut self, bytes: Vec<u8>) {
        self.spare.push(bytes);
    }

    /// Datagrams under way.
    pub(crate) fn len(&self) -> usize {
        self.flying.len()
    }
}

impl Flight {
    fn key(&self) -> (Time, u64) {
        (self.due, self.order)
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
