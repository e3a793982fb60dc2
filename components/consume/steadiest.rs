//! What an estimate has been for some time.

use std::time::Duration;

use crate::tick::time::Time;

/// The lowest estimate of the latest span: that of two halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Steadiest {
    began: Option<Time>,
    current: u64,
    previous: Option<u64>,
}

crate::snapshot::state! { struct Steadiest { began, current, previous } }

impl Steadiest {
    /// Takes in an estimate; the lowest since the half of the span before this one began, once both
    /// are full.
    pub(crate) fn update(&mut self, estimate: u64, half: Duration, now: Time) -> Option<u64> {
        let Some(began) = self.began else {
            (self.began, self.current) = (Some(now), estimate);
            return None;
        };
        if now - began >= half {
            self.previous = Some(self.current);
            (self.began, self.current) = (Some(now), estimate);
        }
        self.current = self.current.min(estimate);
        self.previous.map(|_| self.lowest())
    }

    /// The lowest that is remembered.
    pub(crate) fn lowest(&self) -> u64 {
        self.previous
            .map_or(self.current, |previous| previous.min(self.current))
    }
}
