//! What a consumer was given of what its path carries.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::consume::layering::ConsumerLayers;
use crate::tick::time::Time;

/// On each consumer of a layered producer: how many layers it may get. Written by Score.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allotment {
    /// What it was given last.
    pub given: Given,
    changed_at: Option<Time>,
}

crate::snapshot::state! { struct Allotment { given, changed_at } }

/// What a consumer may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// Nobody has decided yet.
    #[default]
    Undecided,
    /// Nothing: there is no room for its lowest layer.
    Nothing,
    /// This layer and those below it.
    Layers(ConsumerLayers),
}

crate::snapshot::state! { enum Given { Undecided, Nothing, Layers(it) } }

impl Given {
    /// A layer is within it.
    pub fn covers(self, layers: ConsumerLayers) -> bool {
        match self {
            Self::Undecided => true,
            Self::Nothing => false,
            Self::Layers(given) => layers <= given,
        }
    }
}

impl Allotment {
    /// It was changed less than `interval` before `now`.
    pub fn is_fresh(&self, interval: Duration, now: Time) -> bool {
        self.changed_at.is_some_and(|at| now - at < interval)
    }

    /// Gives it something else; true when that is a change.
    pub fn give(&mut self, given: Given, now: Time) -> bool {
        if given == self.given {
            return false;
        }
        // A first decision changes nothing that anybody saw.
        if self.given != Given::Undecided {
            self.changed_at = Some(now);
        }
        self.given = given;
        true
    }
}
