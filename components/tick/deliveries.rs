//! What leaves on direct transports: packets handed to the application.

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;
use serde::Serialize;

use crate::application::id::{ConsumerId, TransportId};

/// Packets for the application, in order, until it collects them. What one transport may hold is
/// bounded by [`Limits::deliveries_per_transport`](crate::Limits::deliveries_per_transport) and
/// [`Limits::delivered_bytes_per_transport`](crate::Limits::delivered_bytes_per_transport).
#[derive(Resource, Debug, Default)]
pub struct Deliveries {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    // Never iterated: its order is that of a hash.
    held: EntityHashMap<Held>,
}

crate::snapshot::state! { struct Deliveries { bytes, rows, held } }

/// What one transport holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    packets: usize,
    bytes: usize,
}

crate::snapshot::state! { struct Held { packets, bytes } }

#[derive(Clone, Copy, Debug)]
struct Row {
    to: Recipient,
    start: usize,
    len: usize,
}

crate::snapshot::state! { struct Row { to, start, len } }

/// What a delivered packet is, and through whom it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Recipient {
    /// An RTP packet of a consumer on a direct transport.
    Rtp(ConsumerId),
    /// An RTCP packet of a direct transport.
    Rtcp(TransportId),
}

crate::snapshot::state! { enum Recipient { Rtp(it), Rtcp(it) } }

/// A packet delivered to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery<'a> {
    /// What it is, and through whom it leaves.
    pub to: Recipient,
    /// The whole packet.
    pub packet: &'a [u8],
}

impl Deliveries {
    /// Hands over `header ++ payload` on account of `transport`; false when that would exceed what
    /// the transport may hold.
    pub fn push(
        &mut self,
        transport: Entity,
        to: Recipient,
        (header, payload): (&[u8], &[u8]),
        limits: &crate::Limits,
    ) -> bool {
        let len = header.len() + payload.len();
        let held = self.held.entry(transport).or_default();
        if held.packets >= limits.deliveries_per_transport
            || held.bytes + len > limits.delivered_bytes_per_transport
        {
            return false;
        }
        held.packets += 1;
        held.bytes += len;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        self.rows.push(Row { to, start, len });
        true
    }

    /// The packets that wait to be collected, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Delivery<'_>> {
        let packet = |row: &Row| &self.bytes[row.start..row.start + row.len];
        self.rows.iter().map(move |row| Delivery {
            to: row.to,
            packet: packet(row),
        })
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.held.clear();
    }
}

/// Packets of this tick that go to direct transports: rows over the same arenas as the
/// [`Outbox`](crate::Outbox). Filled by Forward and Feedback, emptied by Flush.
#[derive(Resource, Debug, Default)]
pub struct DirectOut(pub Vec<DirectRow>);

/// A packet that goes to a direct transport.
#[derive(Clone, Copy, Debug)]
pub struct DirectRow {
    /// The transport it leaves through.
    pub transport: Entity,
    /// What it is, and through whom it leaves.
    pub to: Recipient,
    /// Its bytes, as a row of the outbox whose destination is not read.
    pub row: crate::Outgoing,
}
