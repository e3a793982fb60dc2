//! How much the consumers of a transport want.

use bevy_ecs::component::Component;

use crate::feedback::trend::Trend;
use crate::tick::time::Time;

/// What the consumers of a transport want, in bits a second: the seam between whoever decides what
/// they get and the estimate of their path. Read by Score.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// What they forward. Written by Score.
    pub forwarded: u64,
    /// What they would forward if the path carried it; none where they forward all they get.
    pub wanted: Option<u64>,
    trend: Trend,
}

impl Demand {
    /// What they want now.
    pub fn bitrate(&self) -> u64 {
        self.wanted.unwrap_or(self.forwarded)
    }

    /// What they want, or wanted a moment ago: a pause does not let it collapse.
    pub fn lasting(&self) -> u64 {
        self.trend.value()
    }

    /// Takes in what they forward at `now`.
    pub fn update(&mut self, forwarded: u64, now: Time) {
        self.forwarded = forwarded;
        self.trend.update(self.bitrate(), now);
    }
}
