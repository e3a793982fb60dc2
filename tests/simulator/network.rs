//! All datagrams of a room that are under way.

use flumen::Time;

use crate::flights::Flights;
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

/// All datagrams under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    flights: Flights<(Toward, Vec<u8>)>,
    /// Buffers of datagrams that arrived, for those to come.
    spare: Vec<Vec<u8>>,
}

impl Network {
    /// Lets a datagram arrive at `due`; of two at one time the first one sent comes first.
    pub(crate) fn send(&mut self, due: Time, toward: Toward, datagram: &[u8]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(datagram);
        self.flights.send(due, (toward, bytes));
    }

    /// When the next datagram arrives.
    pub(crate) fn next(&self) -> Option<Time> {
        self.flights.next()
    }

    /// The next datagram that has arrived by `now`.
    pub(crate) fn arrival(&mut self, now: Time) -> Option<(Toward, Vec<u8>)> {
        self.flights.arrival(now).map(|(_, flight)| flight)
    }

    /// Takes back the buffer of a datagram.
    pub(crate) fn recycle(&mut self, bytes: Vec<u8>) {
        self.spare.push(bytes);
    }

    /// Datagrams under way.
    pub(crate) fn len(&self) -> usize {
        self.flights.len()
    }
}
