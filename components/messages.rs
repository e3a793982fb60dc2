//! The messages of this tick, in one arena.

use std::ops::Range;

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;

use crate::limits::Limits;
use crate::subchannels::Audience;

/// Every message that a data producer gets in this tick: rows over one arena.
///
/// Filled by sending between ticks, read by Receive and Forward, emptied by Flush. Capacity is kept,
/// so a steady state allocates nothing.
#[derive(Resource, Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    subchannels: Vec<u16>,
    rows: Vec<MessageRow>,
    // Never iterated: its order is that of a hash.
    held: EntityHashMap<Held>,
}

/// What the messages of one transport occupy.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    messages: usize,
    bytes: usize,
}

/// A message: whose it is and where its bytes lie.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// The data producer that gets it; it may be gone by now.
    pub data_producer: Entity,
    /// The payload protocol identifier (RFC 8831 section 8).
    pub ppid: u32,
    payload: Range<usize>,
    subchannels: Range<usize>,
    required: Option<u16>,
    ignored: Option<u16>,
}

/// A transport has as many messages in this tick as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Messages {
    /// Copies a message in, on account of `transport`; `audience` need not be sorted.
    ///
    /// # Errors
    ///
    /// [`Full`] when the transport would have more than
    /// [`Limits::messages_per_transport`] or [`Limits::message_bytes_per_transport`].
    pub fn push(
        &mut self,
        (transport, data_producer): (Entity, Entity),
        (ppid, payload): (u32, &[u8]),
        audience: Audience<'_>,
        limits: &Limits,
    ) -> Result<(), Full> {
        let held = self.held.entry(transport).or_default();
        let bytes = held.bytes + payload.len() + size_of_val(audience.subchannels);
        if held.messages >= limits.messages_per_transport
            || bytes > limits.message_bytes_per_transport
        {
            return Err(Full);
        }
        held.messages += 1;
        held.bytes = bytes;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        let first = self.subchannels.len();
        self.subchannels.extend_from_slice(audience.subchannels);
        self.subchannels[first..].sort_unstable();
        self.rows.push(MessageRow {
            data_producer,
            ppid,
            payload: start..self.bytes.len(),
            subchannels: first..self.subchannels.len(),
            required: audience.required,
            ignored: audience.ignored,
        });
        Ok(())
    }

    /// The messages, in the order in which they came.
    pub fn rows(&self) -> &[MessageRow] {
        &self.rows
    }

    /// The payload of a message.
    pub fn payload(&self, row: &MessageRow) -> &[u8] {
        &self.bytes[row.payload.clone()]
    }

    /// Whom a message is for.
    pub fn audience(&self, row: &MessageRow) -> Audience<'_> {
        Audience {
            subchannels: &self.subchannels[row.subchannels.clone()],
            required: row.required,
            ignored: row.ignored,
        }
    }

    /// Forgets every message and keeps the memory.
    pub fn clear(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        self.bytes.clear();
        self.subchannels.clear();
        self.rows.clear();
        self.held.clear();
    }
}
