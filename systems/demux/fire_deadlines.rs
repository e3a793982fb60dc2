//! What is due becomes a list that later stages read.

use bevy_ecs::system::{Res, ResMut};
use flumen_components::{Deadlines, Now};

/// Collects the deadlines that have passed.
pub(crate) fn fire_deadlines(mut deadlines: ResMut<'_, Deadlines>, now: Res<'_, Now>) {
    deadlines.fire(now.time);
}
