//! Messages that leave on direct transports: handed to the application.

use std::ops::Range;

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;

use crate::application::id::DataConsumerId;
use crate::tick::limits::Limits;

/// Messages for the application, in order, until it collects them. A payload is kept once, however
/// many data consumers get it. What one transport may hold is bounded by
/// [`Limits::delivered_messages_per_transport`] and
/// [`Limits::delivered_message_bytes_per_transport`].
#[derive(Resource, Debug, Default)]
pub struct MessageDeliveries {
    bytes: Vec<u8>,
    payloads: Vec<Payload>,
    rows: Vec<Row>,
    // Never iterated: its order is that of a hash.
    held: EntityHashMap<Held>,
}

crate::snapshot::state! { struct MessageDeliveries { bytes, payloads, rows, held } }

/// What one transport holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    messages: usize,
    bytes: usize,
    /// How many payloads there were when its newest one was entered.
    newest: usize,
}

crate::snapshot::state! { struct Held { messages, bytes, newest } }

#[derive(Clone, Debug)]
struct Payload {
    ppid: u32,
    range: Range<usize>,
}

crate::snapshot::state! { struct Payload { ppid, range } }

#[derive(Clone, Copy, Debug)]
struct Row {
    to: DataConsumerId,
    payload: u32,
}

crate::snapshot::state! { struct Row { to, payload } }

/// A message delivered to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageDelivery<'a> {
    /// The data consumer that it is for.
    pub to: DataConsumerId,
    /// The payload protocol identifier (RFC 8831 section 8): 51 for a string, 53 for bytes, 56 and
    /// 57 for empty ones.
    pub ppid: u32,
    /// What was sent; under 56 and 57 one byte that means nothing.
    pub payload: &'a [u8],
}

/// A message that data consumers are about to get.
#[derive(Debug)]
pub struct Parcel<'a> {
    deliveries: &'a mut MessageDeliveries,
    ppid: u32,
    payload: &'a [u8],
    stored: bool,
}

impl MessageDeliveries {
    /// Begins to hand over a message. Nothing is copied before the first data consumer takes it.
    pub fn parcel<'a>(&'a mut self, ppid: u32, payload: &'a [u8]) -> Parcel<'a> {
        Parcel {
            deliveries: self,
            ppid,
            payload,
            stored: false,
        }
    }

    /// The messages that wait to be collected, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = MessageDelivery<'_>> {
        self.rows.iter().map(|row| {
            let payload = &self.payloads[row.payload as usize];
            MessageDelivery {
                to: row.to,
                ppid: payload.ppid,
                payload: &self.bytes[payload.range.clone()],
            }
        })
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Forgets them and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.payloads.clear();
        self.rows.clear();
        self.held.clear();
    }
}

impl Parcel<'_> {
    /// Hands the message to a data consumer on account of `transport`; false when that would exceed
    /// what the transport may hold. The bytes count once for each transport.
    pub fn hand_to(&mut self, transport: Entity, to: DataConsumerId, limits: &Limits) -> bool {
        let deliveries = &mut *self.deliveries;
        let number = deliveries.payloads.len() + usize::from(!self.stored);
        let held = deliveries.held.entry(transport).or_default();
        let added = if held.newest == number {
            0
        } else {
            self.payload.len()
        };
        if held.messages >= limits.delivered_messages_per_transport
            || held.bytes + added > limits.delivered_message_bytes_per_transport
        {
            return false;
        }
        held.messages += 1;
        held.bytes += added;
        held.newest = number;
        self.store();
        let payload = self.deliveries.payloads.len() as u32 - 1;
        self.deliveries.rows.push(Row { to, payload });
        true
    }

    fn store(&mut self) {
        if self.stored {
            return;
        }
        self.stored = true;
        let start = self.deliveries.bytes.len();
        self.deliveries.bytes.extend_from_slice(self.payload);
        self.deliveries.payloads.push(Payload {
            ppid: self.ppid,
            range: start..self.deliveries.bytes.len(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    fn limits(messages: usize, bytes: usize) -> Limits {
        Limits {
            delivered_messages_per_transport: messages,
            delivered_message_bytes_per_transport: bytes,
            ..Limits::default()
        }
    }

    #[test]
    fn a_payload_is_kept_and_counted_once_for_each_transport() {
        let [one, other] = [1, 2].map(|index| Entity::from_raw_u32(index).expect("an index"));
        let id = DataConsumerId::from_random;
        let limits = limits(100, 5);
        let mut deliveries = MessageDeliveries::default();
        let mut parcel = deliveries.parcel(51, b"hello");
        for (transport, number) in [(one, 1), (one, 2), (other, 3)] {
            assert!(parcel.hand_to(transport, id(number), &limits));
        }
        assert!(!deliveries.parcel(51, b"!").hand_to(one, id(1), &limits));
        assert_eq!((deliveries.bytes.len(), deliveries.iter().count()), (5, 3));
        deliveries.clear();
        assert!(deliveries.parcel(51, b"!").hand_to(one, id(1), &limits));
    }

    #[test]
    fn what_a_transport_holds_is_counted() {
        let transport = Entity::from_raw_u32(1).expect("an index");
        let id = DataConsumerId::from_random(1);
        let mut deliveries = MessageDeliveries::default();
        let mut parcel = deliveries.parcel(53, b"");
        let taken: Vec<bool> = (0..3)
            .map(|_| parcel.hand_to(transport, id, &limits(2, 0)))
            .collect();
        assert_eq!(taken, [true, true, false]);
    }
}
