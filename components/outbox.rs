//! The datagrams that leave in this tick: small rows over two arenas.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::socket::SocketKey;

/// Every datagram that this tick wants to send.
///
/// A row is a header written for one receiver (in [`headers`](Self::headers)) and a payload that
/// all receivers share (in the [`Inbox`](crate::Inbox) arena): fanning a packet out touches its
/// payload once. Rows are grouped by destination, in the order in which they must leave.
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
}

impl Outbox {
    /// Forgets every row and keeps the memory.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.destinations.clear();
        self.rows.clear();
    }
}
