//! Packets that waited for their turn when their consumer was told to send no more.

use std::collections::BTreeMap;

use flumen::{Engine, Subject};

/// How many packets of whom may still come.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    /// Packets that waited for their turn when the last tick was over.
    waiting: u64,
    left: BTreeMap<Subject, u64>,
}

impl Leftovers {
    /// From now on nothing of `subject` is to come but what waits.
    pub(super) fn leave(&mut self, subject: Subject) {
        self.left.insert(subject, self.waiting);
    }

    /// One comes; whether it may have waited.
    pub(super) fn take(&mut self, subject: Subject) -> bool {
        let left = self.left.entry(subject).or_default();
        let is_left = *left > 0;
        *left = left.saturating_sub(1);
        is_left
    }

    /// A tick is over.
    pub(super) fn ticked(&mut self, engine: &Engine) {
        self.waiting = engine.ledger().paced;
    }
}
