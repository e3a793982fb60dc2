//! Who gets what a producer has, and needs what it keeps.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::{Consumer, History, Producer, Routes};

/// Adds a consumer to those that get what its producer has.
pub(super) fn route(world: &mut World, producer: Entity, entity: Entity, needs_history: bool) {
    let routes = world.get_mut::<Routes>(producer);
    let position = routes.map(|mut routes| routes.push(entity));
    if let (Some(position), Some(mut consumer)) = (position, world.get_mut::<Consumer>(entity)) {
        consumer.route = position;
    }
    if let Some(mut producer) = world.get_mut::<Producer>(producer) {
        producer.need_history += u32::from(needs_history);
    }
}

/// One consumer fewer may need what its producer keeps. Who is the last one takes the memory along.
fn release_history(world: &mut World, producer: Entity) {
    let Some(mut producer) = world.get_mut::<Producer>(producer) else {
        return;
    };
    producer.need_history -= 1;
    if producer.need_history > 0 {
        return;
    }
    let streams = producer.encodings.iter().filter_map(|it| it.stream);
    for stream in streams.collect::<Vec<_>>() {
        if let Some(mut history) = world.get_mut::<History>(stream) {
            *history = History::default();
        }
    }
}

/// Takes a consumer out of its producer's routes. Nobody else's turn changes.
pub(super) fn unroute(world: &mut World, consumer: &Consumer, needs_history: bool) {
    if needs_history {
        release_history(world, consumer.producer);
    }
    let Some(mut routes) = world.get_mut::<Routes>(consumer.producer) else {
        return;
    };
    let mut lent = std::mem::take(&mut *routes);
    lent.remove(consumer.route, |entity, position| {
        if let Some(mut moved) = world.get_mut::<Consumer>(entity) {
            moved.route = position;
        }
    });
    if let Some(mut routes) = world.get_mut::<Routes>(consumer.producer) {
        *routes = lent;
    }
}
