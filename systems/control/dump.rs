//! What is known of an entity is laid out, as the JavaScript API's `dump()` does.

mod consumer;
mod data;
mod producer;
mod router;
mod transport;
mod webrtc_server;

pub use consumer::dump_consumer;
pub use data::{dump_data_consumer, dump_data_producer};
pub use producer::dump_producer;
pub use router::dump_router;
pub use transport::dump_transport;
pub use webrtc_server::dump_webrtc_server;

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::world::World;
use flumen_components::{Created, Id};

/// Those related to `entity` that an `I` names, in the order of their creation.
fn related<T: RelationshipTarget, I: Id>(world: &World, entity: Entity) -> Vec<(Entity, I)> {
    let related = world.get::<T>(entity);
    let related = related.into_iter().flat_map(RelationshipTarget::iter);
    let named = |entity| {
        Some((
            *world.get::<Created>(entity)?,
            entity,
            *world.get::<I>(entity)?,
        ))
    };
    let mut found: Vec<_> = related.filter_map(named).collect();
    found.sort_unstable();
    found
        .into_iter()
        .map(|(_, entity, id)| (entity, id))
        .collect()
}

fn ids<T: RelationshipTarget, I: Id>(world: &World, entity: Entity) -> Vec<I> {
    let related = related::<T, I>(world, entity);
    related.into_iter().map(|(_, id)| id).collect()
}
