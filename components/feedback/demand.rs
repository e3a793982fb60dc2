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
    /// What they would forward if they got all layers they wish for; none where they have no choice.
    /// Written by Score.
    pub layers: Option<u64>,
    /// Some do not get all of them.
    pub is_unmet: bool,
    /// What they are taken to want, whatever they forward. Written by the application.
    pub wanted: Option<u64>,
    trend: Trend,
}

crate::snapshot::state! { struct Demand { forwarded, layers, is_unmet, wanted, trend } }

impl Demand {
    /// What they want now.
    pub fn bitrate(&self) -> u64 {
        self.wanted.or(self.layers).unwrap_or(self.forwarded)
    }

    /// What is worth trying on a path that is believed to carry `estimate`: `margin_percent` more
    /// than what they want, or no more than that when they have it.
    pub fn to_try(&self, estimate: u64, margin_percent: u64) -> u64 {
        let margin =
            |bitrate: u64| bitrate.saturating_add((bitrate / 100).saturating_mul(margin_percent));
        match (self.wanted, self.layers) {
            (None, Some(layers)) if self.is_unmet => margin(layers),
            (None, Some(layers)) => layers.min(estimate),
            _ => self.bitrate(),
        }
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
