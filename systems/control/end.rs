//! The last thing that happens to an entity.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{self, emit};
use flumen_components::{Directory, Id, Subject};

/// The last step of every end: tell it, forget the name, despawn.
pub(super) fn end<I: Id>(world: &mut World, about: Entity, id: I, subject: Subject) {
    emit(world, event::Ended { about, subject });
    world.resource_mut::<Directory>().remove(id);
    world.despawn(about);
}
