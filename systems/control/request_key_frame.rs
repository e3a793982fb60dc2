//! Consumers ask for key frames.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::rtp_parameters::MediaKind;
use flumen_components::{
    Agenda, Closed, Consumer, ConsumerId, KeyFrameWish, Layering, Path, PausedByOwner, Producer,
    find,
};

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
    let paused = consumer.producer_paused || world.get::<PausedByOwner>(entity).is_none_or(|p| p.0);
    let connected = world
        .get::<Path>(consumer.transport)
        .is_some_and(Path::is_connected);
    if paused || !connected || consumer.kind != MediaKind::Video {
        return;
    }
    for stream in streams_for(world, entity, consumer.producer) {
        world.resource_mut::<Agenda>().key_frames.add(KeyFrameWish {
            stream,
            force: false,
        });
    }
}

/// The streams of which a consumer needs key frames: that which it is to get, and that which it gets.
fn streams_for(world: &World, consumer: Entity, producer: Entity) -> Vec<Entity> {
    let Some(producer) = world.get::<Producer>(producer) else {
        return Vec::new();
    };
    let encodings = match world.get::<Layering>(consumer) {
        None => return producer.streams().collect(),
        Some(layering) => [layering.target_encoding(), layering.followed()],
    };
    let stream = |encoding: u8| producer.encodings.get(usize::from(encoding))?.stream;
    let mut streams: Vec<_> = encodings.into_iter().flatten().filter_map(stream).collect();
    streams.dedup();
    streams
}
