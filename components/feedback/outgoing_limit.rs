//! Between which bitrates the estimate of a path lies.

use bevy_ecs::component::Component;

/// The bounds that the application sets for what leaves through a transport, in bits a second.
/// Written by the application; read by Score.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingLimit {
    /// What the path is believed to carry at first.
    pub initial: u64,
    /// The most that is made of it.
    pub max: Option<u64>,
    /// The least that is made of it.
    pub min: Option<u64>,
}

crate::snapshot::state! { struct OutgoingLimit { initial, max, min } }

impl OutgoingLimit {
    /// What the path is believed to carry unless something else is said.
    pub const INITIAL: u64 = 600_000;
    /// No bound is lower, and no estimate.
    pub const FLOOR: u64 = 30_000;
    /// No estimate is higher: what a receiver tells may be anything.
    pub const CEILING: u64 = 1_000_000_000;

    /// No bounds but the floor and the ceiling.
    pub fn starting_at(initial: u64) -> Self {
        Self {
            initial: initial.clamp(Self::FLOOR, Self::CEILING),
            max: None,
            min: None,
        }
    }

    /// The least that an estimate can be.
    pub fn least(&self) -> u64 {
        self.min.unwrap_or(0).clamp(Self::FLOOR, Self::CEILING)
    }

    /// The most that an estimate can be.
    pub fn most(&self) -> u64 {
        self.max.unwrap_or(Self::CEILING).min(Self::CEILING)
    }

    /// What `bitrate` is within the bounds.
    pub fn clamp(&self, bitrate: u64) -> u64 {
        bitrate.min(self.most()).max(self.least())
    }
}
