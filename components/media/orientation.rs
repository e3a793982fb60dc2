//! How a camera is held.

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};

use crate::wire::extension;

/// The orientation that a video producer last told (3GPP TS 26.114 section 7.4.5), if any.
///
/// Written by Receive, while the producer is not paused.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orientation(pub Option<VideoOrientation>);

crate::snapshot::state! { struct Orientation(it) }

/// How a camera is held, as `videoorientationchange` events tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoOrientation {
    /// The camera faces away from the user.
    pub camera: bool,
    /// The picture is mirrored.
    pub flip: bool,
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub rotation: u16,
}

crate::snapshot::state! { struct VideoOrientation { camera, flip, rotation } }

impl From<extension::VideoOrientation> for VideoOrientation {
    fn from(wire: extension::VideoOrientation) -> Self {
        Self {
            camera: wire.camera,
            flip: wire.flip,
            rotation: wire.rotation,
        }
    }
}
