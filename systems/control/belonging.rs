//! Who belongs to whom.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::{OnRouter, Producer};

/// The router that a transport is on.
pub(super) fn router_of(world: &World, transport: Entity) -> Option<Entity> {
    world.get::<OnRouter>(transport).map(|on| on.0)
}

/// The streams of a producer, in the order of their creation.
pub(super) fn streams_of(world: &World, producer: Entity) -> Vec<Entity> {
    world
        .get::<Producer>(producer)
        .map(|producer| producer.streams().collect())
        .unwrap_or_default()
}
