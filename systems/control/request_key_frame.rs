//! Consumers ask for key frames.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    Closed, Consumer, ConsumerId, KeyFrameWish, KeyFrameWishes, Path, Paused, find,
};

use super::belonging::streams_of;

/// Asks the producer for a key frame on behalf of a consumer. Nothing happens when the consumer is
/// not active or not video.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn request_key_frame(world: &mut World, id: ConsumerId) -> Result<(), Closed> {
    let consumer = find(world, id)?;
    wish_for(world, consumer);
    Ok(())
}

/// Wishes for a key frame for `entity`, if it is an active video consumer.
pub(super) fn wish_for(world: &mut World, entity: Entity) {
    let Some(consumer) = world.get::<Consumer>(entity) else {
        return;
    };
    let paused = consumer.producer_paused || world.get::<Paused>(entity).is_none_or(|p| p.0);
    let connected = world
        .get::<Path>(consumer.transport)
        .is_some_and(Path::is_connected);
    if paused || !connected || consumer.kind != MediaKind::Video {
        return;
    }
    for stream in streams_of(world, consumer.producer) {
        world.resource_mut::<KeyFrameWishes>().add(KeyFrameWish {
            stream,
            force: false,
        });
    }
}
