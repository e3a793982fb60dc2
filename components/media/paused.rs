//! Pausing is a field that flips, not a component that comes and goes.

use bevy_ecs::component::Component;

/// A producer or consumer is paused by its owner.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PausedByOwner(pub bool);

crate::snapshot::state! { struct PausedByOwner(it) }
