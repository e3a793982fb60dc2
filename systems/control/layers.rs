//! What layers a receiver wishes for, and which it gets.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{LayersChanged, emit};
use flumen_components::{
    Agenda, Closed, Consumer, ConsumerId, ConsumerLayers, Layering, PreferredLayers, Priority,
    Subject, find,
};
use thiserror::Error;

/// A priority cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PriorityError {
    /// The consumer is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The priority is 0.
    #[error("a priority is 1 to 255")]
    Zero,
}

/// Wishes for layers up to these. Of no effect on a consumer of a producer without layers.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn set_preferred_layers(
    world: &mut World,
    id: ConsumerId,
    layers: PreferredLayers,
) -> Result<(), Closed> {
    let consumer = find(world, id)?;
    if let Some(mut layering) = world.get_mut::<Layering>(consumer) {
        layering.selection.prefer(layers);
        choose_anew(world, consumer);
        want_anew_of(world, consumer);
    }
    Ok(())
}

/// The layers wished for, none for a consumer of a producer without layers.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn preferred_layers(world: &World, id: ConsumerId) -> Result<Option<ConsumerLayers>, Closed> {
    let layering = world.get::<Layering>(find(world, id)?);
    Ok(layering.map(|layering| layering.selection.preferred()))
}

/// The layers that a consumer gets, none before the first or for a producer without layers.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn current_layers(world: &World, id: ConsumerId) -> Result<Option<ConsumerLayers>, Closed> {
    let layering = world.get::<Layering>(find(world, id)?);
    Ok(layering.and_then(Layering::current))
}

/// Sets the priority of a consumer among those of its transport: 1, the default, to 255.
///
/// # Errors
///
/// [`PriorityError`]; nothing has changed then.
pub fn set_priority(world: &mut World, id: ConsumerId, priority: u8) -> Result<(), PriorityError> {
    let consumer = find(world, id)?;
    if priority == 0 {
        return Err(PriorityError::Zero);
    }
    world.entity_mut(consumer).insert(Priority(priority));
    choose_anew(world, consumer);
    Ok(())
}

/// The priority of a consumer.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn priority(world: &World, id: ConsumerId) -> Result<u8, Closed> {
    let priority = world.get::<Priority>(find(world, id)?);
    Ok(priority.copied().unwrap_or_default().0)
}

/// What is wanted of the producer of a consumer is looked at in the next tick.
pub(super) fn want_anew_of(world: &mut World, consumer: Entity) {
    if let Some(producer) = world
        .get::<Consumer>(consumer)
        .map(|consumer| consumer.producer)
    {
        want_anew(world, producer);
    }
}

/// What is wanted of a producer is looked at in the next tick.
pub(super) fn want_anew(world: &mut World, producer: Entity) {
    world.resource_mut::<Agenda>().wants.add(producer);
}

/// The layers that a consumer gets are chosen anew in the next tick, and what those of its path get.
pub(super) fn choose_anew(world: &mut World, consumer: Entity) {
    let mut agenda = world.resource_mut::<Agenda>();
    agenda.layers_to_choose.add(consumer);
}

/// A layered consumer stops: it begins again with a key frame.
pub(super) fn stop(world: &mut World, about: Entity) {
    let Some(mut layering) = world.get_mut::<Layering>(about) else {
        return;
    };
    layering.stop();
    let told = layering.told.take();
    if let (Some(_), Some(&id)) = (told, world.get::<ConsumerId>(about)) {
        let (subject, layers) = (Subject::Consumer(id), None);
        emit(
            world,
            LayersChanged {
                about,
                subject,
                layers,
            },
        );
    }
}
