//! Packets that waited for their turn when their consumer was told to send no more.

use std::collections::BTreeMap;
use std::time::Duration;

use flumen::components::{Limits, Now};
use flumen::{Engine, Subject, Time};

/// How many packets of whom may still come.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    /// Packets that waited for their turn when the last tick was over, and when that was.
    waiting: u64,
    ticked_at: Time,
    left: BTreeMap<Subject, Left>,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    packets: u64,
    since: Time,
}

impl Leftovers {
    /// From now on nothing of `subject` is to come but what waits.
    pub(super) fn leave(&mut self, subject: Subject) {
        let left = Left {
            packets: self.waiting,
            since: self.ticked_at,
        };
        self.left.insert(subject, left);
    }

    /// One comes; whether it may have waited.
    pub(super) fn take(&mut self, subject: Subject) -> bool {
        let left = self.left.get_mut(&subject);
        let left = left.filter(|left| left.packets > 0);
        left.map(|left| left.packets -= 1).is_some()
    }

    /// A tick is over: nothing waits for longer than it may.
    pub(super) fn ticked(&mut self, engine: &Engine) {
        let world = engine.world();
        let delay = Duration::from_millis(world.resource::<Limits>().pacing_delay_ms);
        self.waiting = engine.ledger().paced;
        self.ticked_at = world.resource::<Now>().time;
        let (is_any, now) = (self.waiting > 0, self.ticked_at);
        self.left
            .retain(|_, left| is_any && now - left.since <= 2 * delay);
    }
}
