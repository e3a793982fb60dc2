//! The trace events of a tick.

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;

use crate::application::event::Traced;
use crate::tick::limits::Limits;

/// The trace events of this tick, drained by the application with the other events.
#[derive(Resource, Debug, Default)]
pub struct Traces {
    rows: Vec<Traced>,
    // Never iterated: its order is that of a hash.
    by_transport: EntityHashMap<usize>,
    /// Trace events not recorded, because a tick had more than the limit.
    pub dropped: u64,
}

impl Traces {
    /// Records a trace event on account of `transport`, unless this tick has
    /// [`Limits::traces_per_transport`] of it or [`Limits::traces_per_tick`] in all.
    pub fn push(&mut self, transport: Entity, traced: Traced, limits: &Limits) {
        let own = self.by_transport.entry(transport).or_default();
        if *own < limits.traces_per_transport && self.rows.len() < limits.traces_per_tick {
            *own += 1;
            self.rows.push(traced);
        } else {
            self.dropped += 1;
        }
    }

    /// The trace events recorded, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Traced> {
        self.by_transport.clear();
        self.rows.drain(..)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
