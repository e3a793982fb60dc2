//! What is due becomes a list that later stages read.

use bevy_ecs::system::{Res, ResMut};
use flumen_components::{Agenda, Deadlines, Now};

/// Collects the deadlines that have passed.
pub(crate) fn fire_deadlines(
    mut deadlines: ResMut<'_, Deadlines>,
    mut agenda: ResMut<'_, Agenda>,
    now: Res<'_, Now>,
) {
    agenda.fired = deadlines.fire(now.time);
}
