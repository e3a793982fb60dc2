//! How much of something a tick allows.

use bevy_ecs::component::Component;

/// How many requests for packets (RFC 4585 section 6.2.1) were looked at in a tick: those of a
/// transport, and those of each consumer. Written by Feedback.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Allowance {
    tick: u64,
    taken: usize,
}

crate::snapshot::state! { struct Allowance { tick, taken } }

impl Allowance {
    /// How many of those `wanted` are allowed in this `tick`, of which each has `limit`.
    pub fn take(&mut self, wanted: usize, tick: u64, limit: usize) -> usize {
        if self.tick != tick {
            *self = Self { tick, taken: 0 };
        }
        let granted = wanted.min(limit.saturating_sub(self.taken));
        self.taken += granted;
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tick_allows_as_much() {
        let mut allowance = Allowance::default();
        // (tick, wanted, granted)
        let rows = [
            (1, 6, 6),
            (1, 6, 4),
            (1, 6, 0),
            (2, 20, 10),
            (2, 1, 0),
            (4, 1, 1),
        ];
        for (tick, wanted, granted) in rows {
            assert_eq!(allowance.take(wanted, tick, 10), granted, "in tick {tick}");
        }
    }
}
