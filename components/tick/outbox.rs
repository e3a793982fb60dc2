//! The datagrams that leave in this tick: small rows over two arenas.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::tick::inbox::Inbox;
use crate::transport::socket::SocketKey;

/// Every datagram that this tick wants to send.
///
/// A row is a header written for one receiver (in [`headers`](Self::headers)) and a payload that
/// all receivers share (in the [`Inbox`](crate::Inbox) arena): fanning a packet out touches its
/// payload once. Rows are grouped by destination, in the order in which they must leave.
///
/// A system that adds rows of its own counts them as `generated` in the [`Ledger`](crate::Ledger);
/// one that takes rows out counts them as `refused`, as [`Departures`](crate::Departures) do.
/// Otherwise the ledger does not close, and the system is told so.
#[derive(Resource, Debug, Default)]
pub struct Outbox {
    /// Header bytes, and whole datagrams that the engine generated.
    pub headers: Vec<u8>,
    /// Who rows are for; consecutive rows share an entry.
    pub destinations: Vec<Destination>,
    /// The datagrams.
    pub rows: Vec<Outgoing>,
}

/// A receiver of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The transport on whose account it is sent.
    pub transport: Entity,
    /// The socket to send from.
    pub socket: SocketKey,
    /// The address to send to.
    pub address: SocketAddr,
}

/// One datagram to send: `header ++ payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Index into [`Outbox::destinations`].
    pub destination: u32,
    /// Offset of the header in [`Outbox::headers`].
    pub header_start: u32,
    /// Offset of the payload in the inbox arena.
    pub payload_start: u32,
    /// Length of the header in bytes.
    pub header_len: u16,
    /// Length of the payload in bytes, 0 for generated datagrams.
    pub payload_len: u16,
    /// Offset in the header of the three bytes of abs-send-time, 0 when it has none.
    pub abs_send_time: u8,
    /// Offset in the header of the two bytes of the transport-wide sequence number, 0 when none.
    pub transport_sequence: u8,
    /// What it counts as in the statistics of its transport.
    pub kind: OutgoingKind,
}

/// What a datagram counts as in the statistics of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutgoingKind {
    /// Anything but RTP.
    Control,
    /// Audio that is sent for the first time: it never waits for its turn.
    Audio,
    /// Other RTP that is sent for the first time.
    Media,
    /// RTP that is sent again, in a stream of its own (RFC 4588) or as it was.
    Retransmission,
    /// RTP that carries nothing: to try what a path carries.
    Padding,
}

impl Outgoing {
    /// Length of the datagram in bytes.
    pub fn len(&self) -> u32 {
        u32::from(self.header_len) + u32::from(self.payload_len)
    }

    /// The datagram has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A datagram that the engine made itself: all of it lies among the headers.
    pub fn generated(header_start: u32, header_len: u16) -> Self {
        Self {
            destination: 0,
            header_start,
            payload_start: 0,
            header_len,
            payload_len: 0,
            abs_send_time: 0,
            transport_sequence: 0,
            kind: OutgoingKind::Control,
        }
    }
}

impl Outbox {
    /// An outbox that takes a few datagrams before it grows: reports, requests and media that happen
    /// to leave in one tick.
    pub fn with_some_capacity() -> Self {
        Self {
            headers: Vec::with_capacity(16 << 10),
            destinations: Vec::with_capacity(128),
            rows: Vec::with_capacity(256),
        }
    }

    /// Header and payload of a row, of which the latter lies in `inbox`.
    pub fn parts<'a>(&'a self, row: &Outgoing, inbox: &'a Inbox) -> (&'a [u8], &'a [u8]) {
        let header = row.header_start as usize;
        let payload = row.payload_start as usize;
        (
            &self.headers[header..header + usize::from(row.header_len)],
            &inbox.bytes()[payload..payload + usize::from(row.payload_len)],
        )
    }

    /// Adds a row for a destination.
    pub fn push_to(&mut self, destination: Destination, row: Outgoing) {
        if self.destinations.last() != Some(&destination) {
            self.destinations.push(destination);
        }
        let destination = self.destinations.len() as u32 - 1;
        self.rows.push(Outgoing { destination, ..row });
    }

    /// Forgets every row and keeps the memory.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.destinations.clear();
        self.rows.clear();
    }
}
