//! Which spatial layers of a stream arrive.

use std::time::Duration;

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};

/// On each stream with several spatial layers: which of them bring anything. Written by Score,
/// none at first; read by whoever chooses a layer.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerActivity {
    /// How many spatial layers were declared, at most 8.
    spatial_layers: u8,
    /// Bit 0 is the lowest layer.
    active: u8,
    /// A deadline of it is in the queue.
    armed: bool,
}

crate::snapshot::state! { struct LayerActivity { spatial_layers, active, armed } }

impl LayerActivity {
    /// How often it is looked at while anything arrives.
    pub const INTERVAL: Duration = Duration::from_millis(1_500);

    /// The activity of a stream that begins now. Its first deadline is to be set.
    pub fn new(spatial_layers: u8) -> Self {
        Self {
            spatial_layers: spatial_layers.min(8),
            active: 0,
            armed: true,
        }
    }

    /// Whether each spatial layer brings anything, lowest first.
    pub fn active(&self) -> impl Iterator<Item = bool> {
        let active = self.active;
        (0..self.spatial_layers).map(move |layer| active >> layer & 1 == 1)
    }

    /// Takes in which layers bring something now, bit 0 for the lowest; true when that is a
    /// change.
    pub fn update(&mut self, active: u8) -> bool {
        std::mem::replace(&mut self.active, active) != active
    }

    /// A deadline has to be set: something arrived, and none is in the queue.
    pub fn arm(&mut self) -> bool {
        !std::mem::replace(&mut self.armed, true)
    }

    /// Its deadline fired; true when another one has to be set. A stream that brings nothing is
    /// looked at again when it does.
    pub fn rearm(&mut self) -> bool {
        self.armed = self.active != 0;
        self.armed
    }
}

/// Which spatial layers of a stream arrive, as `layeractivity` events tell it.
///
/// The event is Flumen's own: the JavaScript API has none like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamLayers {
    /// The position of the encoding in the producer's parameters.
    pub encoding_idx: u32,
    /// The SSRC of the stream.
    pub ssrc: u32,
    /// Whether each spatial layer brought anything within the window of its bitrate, lowest first.
    pub spatial_layers: Vec<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_once() {
        let mut activity = LayerActivity::new(3);
        assert!(!activity.update(0b000));
        assert!(activity.update(0b101));
        assert!(!activity.update(0b101));
        assert_eq!(activity.active().collect::<Vec<_>>(), [true, false, true]);
    }

    #[test]
    fn a_stream_that_brings_nothing_has_no_deadline() {
        let mut activity = LayerActivity::new(2);
        assert!(!activity.arm(), "the first one is set at its birth");
        assert!(!activity.rearm());
        assert!(activity.arm() && !activity.arm());
        activity.update(0b01);
        assert!(activity.rearm());
        assert!(!activity.arm());
    }
}
