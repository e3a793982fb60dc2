//! The messages of this tick, in one arena.

use std::ops::Range;

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;
use bytes::Bytes;

use crate::data::subchannels::Audience;
use crate::tick::limits::Limits;
use crate::tick::veto::Veto;

/// Every message that a data producer gets in this tick: rows over one arena.
///
/// Filled by sending between ticks, read by Receive and Forward, emptied by Flush. Capacity is kept,
/// so a steady state allocates nothing.
#[derive(Resource, Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    subchannels: Vec<u16>,
    rows: Vec<MessageRow>,
    late: Vec<MessageRow>,
    // Never iterated: its order is that of a hash.
    held: EntityHashMap<Held>,
}

/// What the messages of one transport occupy.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    messages: usize,
    bytes: usize,
}

crate::snapshot::state! { struct Held { messages, bytes } }

/// A message: whose it is and where its bytes lie.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// The data producer that gets it; it may be gone by now.
    pub data_producer: Entity,
    /// The payload protocol identifier (RFC 8831 section 8).
    pub ppid: u32,
    /// Its data producer took it; marked by Receive.
    pub accepted: bool,
    /// Why a system of the application lets it go no further.
    pub veto: Option<Veto>,
    payload: Payload,
    subchannels: Range<usize>,
    required: Option<u16>,
    ignored: Option<u16>,
}

/// Where the bytes of a message are.
#[derive(Clone, Debug)]
enum Payload {
    /// In the arena.
    Copied(Range<usize>),
    /// Where an association put them together.
    Shared(Bytes),
}

crate::snapshot::state! { enum Payload { Copied(it), Shared(it) } }

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
        self.count(
            transport,
            payload.len() + size_of_val(audience.subchannels),
            limits,
        )?;
        let payload = self.store(payload);
        let first = self.subchannels.len();
        self.subchannels.extend_from_slice(audience.subchannels);
        self.subchannels[first..].sort_unstable();
        self.rows.push(MessageRow {
            data_producer,
            ppid,
            accepted: false,
            veto: None,
            payload,
            subchannels: first..self.subchannels.len(),
            required: audience.required,
            ignored: audience.ignored,
        });
        Ok(())
    }

    /// Copies in a message of a system of the application, which is accepted as it is: see
    /// [`push`](Self::push).
    pub(crate) fn inject(
        &mut self,
        whose: (Entity, Entity),
        coded: (u32, &[u8]),
        audience: Audience<'_>,
        limits: &Limits,
    ) -> Result<(), Full> {
        self.push(whose, coded, audience, limits)?;
        if let Some(row) = self.rows.last_mut() {
            row.accepted = true;
        }
        Ok(())
    }

    fn count(&mut self, transport: Entity, bytes: usize, limits: &Limits) -> Result<(), Full> {
        let held = self.held.entry(transport).or_default();
        let bytes = held.bytes + bytes;
        if held.messages >= limits.messages_per_transport
            || bytes > limits.message_bytes_per_transport
        {
            return Err(Full);
        }
        held.messages += 1;
        held.bytes = bytes;
        Ok(())
    }

    fn store(&mut self, payload: &[u8]) -> Payload {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        Payload::Copied(start..self.bytes.len())
    }

    /// Replaces the payload of a message. Who shares the old one keeps it.
    pub(crate) fn rewrite(&mut self, index: usize, ppid: u32, payload: &[u8]) {
        let payload = self.store(payload);
        let row = &mut self.rows[index];
        (row.ppid, row.payload) = (ppid, payload);
    }

    /// Takes in a message that came over SCTP: for everybody, and not copied. How many there can be
    /// is bounded by what an association takes in.
    pub fn receive(&mut self, data_producer: Entity, ppid: u32, payload: Bytes) {
        self.rows
            .push(MessageRow::received(data_producer, ppid, payload));
    }

    /// Takes in a message that came over SCTP once this tick's messages are routed: the next tick
    /// routes it.
    pub fn receive_late(&mut self, data_producer: Entity, ppid: u32, payload: Bytes) {
        self.late
            .push(MessageRow::received(data_producer, ppid, payload));
    }

    /// The messages, in the order in which they came.
    pub fn rows(&self) -> &[MessageRow] {
        &self.rows
    }

    /// The messages, to be marked.
    pub fn rows_mut(&mut self) -> &mut [MessageRow] {
        &mut self.rows
    }

    /// The payload of a message.
    pub fn payload<'a>(&'a self, row: &'a MessageRow) -> &'a [u8] {
        match &row.payload {
            Payload::Copied(range) => &self.bytes[range.clone()],
            Payload::Shared(bytes) => bytes,
        }
    }

    /// The payload of a message, to be kept by those who send it on: copied at most once for each
    /// call.
    pub fn shared_payload(&self, row: &MessageRow) -> Bytes {
        match &row.payload {
            Payload::Copied(range) => Bytes::copy_from_slice(&self.bytes[range.clone()]),
            Payload::Shared(bytes) => bytes.clone(),
        }
    }

    /// Whom a message is for.
    pub fn audience(&self, row: &MessageRow) -> Audience<'_> {
        Audience {
            subchannels: &self.subchannels[row.subchannels.clone()],
            required: row.required,
            ignored: row.ignored,
        }
    }

    /// Forgets every message but the late ones, and keeps the memory.
    pub fn clear(&mut self) {
        if !self.rows.is_empty() {
            self.bytes.clear();
            self.subchannels.clear();
            self.rows.clear();
            self.held.clear();
        }
        self.rows.append(&mut self.late);
    }
}

impl MessageRow {
    /// Length of its payload in bytes.
    pub fn payload_len(&self) -> usize {
        match &self.payload {
            Payload::Copied(range) => range.len(),
            Payload::Shared(bytes) => bytes.len(),
        }
    }

    fn received(data_producer: Entity, ppid: u32, payload: Bytes) -> Self {
        Self {
            data_producer,
            ppid,
            accepted: false,
            veto: None,
            payload: Payload::Shared(payload),
            subchannels: 0..0,
            required: None,
            ignored: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_late_is_there_in_the_next_tick() {
        let someone = Entity::PLACEHOLDER;
        let mut messages = Messages::default();
        messages.receive(someone, 51, Bytes::from_static(b"now"));
        messages.receive_late(someone, 51, Bytes::from_static(b"late"));
        let payloads = |messages: &Messages| {
            let rows = messages.rows().iter();
            rows.map(|row| messages.shared_payload(row))
                .collect::<Vec<_>>()
        };
        assert_eq!(payloads(&messages), ["now"]);
        messages.clear();
        assert_eq!(payloads(&messages), ["late"]);
        messages.clear();
        assert!(messages.rows().is_empty());
    }
}
