//! What tells apart what an application collects: for recordings, and for replays of them.

use flumen_components::{Deliveries, Digest, Event, MessageDeliveries};
use serde::Serialize;

/// A digest of things one behind the other; nothing when there is none.
#[derive(Default)]
struct Collected(Option<Digest>);

impl Collected {
    /// Who or what it is, and what it says.
    fn add(&mut self, what: &impl Serialize, content: &[u8]) {
        let digest = self.0.get_or_insert_default();
        // All that is collected has names and numbers that JSON has words for.
        let what = serde_json::to_vec(what).unwrap_or_default();
        for part in [&what[..], content] {
            digest.write_u64(part.len() as u64);
            digest.write(part);
        }
    }

    fn finish(self) -> Option<u64> {
        self.0.map(|digest| digest.finish())
    }
}

/// Of events.
pub(crate) fn events(events: &[Event]) -> Option<u64> {
    let mut collected = Collected::default();
    events.iter().for_each(|event| collected.add(event, &[]));
    collected.finish()
}

/// Of packets, and through whom they leave.
pub(crate) fn packets(deliveries: &Deliveries) -> Option<u64> {
    let mut collected = Collected::default();
    for delivery in deliveries.iter() {
        collected.add(&delivery.to, delivery.packet);
    }
    collected.finish()
}

/// Of messages, and whose they are.
pub(crate) fn messages(deliveries: &MessageDeliveries) -> Option<u64> {
    let mut collected = Collected::default();
    for delivery in deliveries.iter() {
        collected.add(&(delivery.to, delivery.ppid), delivery.payload);
    }
    collected.finish()
}
