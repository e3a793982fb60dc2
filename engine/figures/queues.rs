//! What waits inside an engine.

use flumen_components::event::EventLog;
use flumen_components::{Deliveries, Ledger, MessageDeliveries, Parked};
use serde::Serialize;

use crate::engine::Engine;

/// How much waits, and for whom. Each queue is bounded by a limit of the builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Queues {
    /// Datagrams that wait for a blocked socket.
    pub blocked: u64,
    /// Bytes of these.
    pub blocked_bytes: u64,
    /// Datagrams that wait for their turn by the rate of their transport.
    pub paced: u64,
    /// Requests of handles that wait for the next tick.
    pub requests: u64,
    /// Events that were not drained.
    pub events: u64,
    /// Packets on direct transports that were not drained.
    pub deliveries: u64,
    /// Messages on direct transports that were not drained.
    pub messages: u64,
}

impl Engine {
    /// What waits now.
    pub fn queues(&self) -> Queues {
        let world = &self.world;
        let parked = world.resource::<Parked>();
        Queues {
            blocked: parked.len() as u64,
            blocked_bytes: parked.bytes() as u64,
            paced: world.resource::<Ledger>().paced,
            requests: self.requests.len() as u64,
            events: (self.told_before.len() + world.resource::<EventLog>().undrained()) as u64,
            deliveries: world.resource::<Deliveries>().waiting() as u64,
            messages: world.resource::<MessageDeliveries>().waiting() as u64,
        }
    }
}
