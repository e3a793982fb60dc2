//! Data producers and data consumers pause and resume.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::event::{DataProducerPaused, DataProducerResumed, PausedBy, emit, happen};
use flumen_components::{
    Closed, DataConsumer, DataConsumerId, DataProducerId, PausedByOwner, Routes, Subject, find,
};

use super::pause::{changed, set_paused};

/// Pauses a data producer: what it receives is counted and goes nowhere. Pausing twice is pausing
/// once.
///
/// # Errors
///
/// [`Closed`] when the data producer is.
pub fn pause_data_producer(world: &mut World, id: DataProducerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, true) {
        let subject = Subject::DataProducer(id);
        emit(world, changed(true, PausedBy::Owner, about, subject));
        tell_data_consumers(world, about, true);
    }
    Ok(())
}

/// Resumes a data producer.
///
/// # Errors
///
/// [`Closed`] when the data producer is.
pub fn resume_data_producer(world: &mut World, id: DataProducerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, false) {
        let subject = Subject::DataProducer(id);
        emit(world, changed(false, PausedBy::Owner, about, subject));
        tell_data_consumers(world, about, false);
    }
    Ok(())
}

/// Pauses a data consumer: it gets nothing, and nothing is kept for it.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn pause_data_consumer(world: &mut World, id: DataConsumerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, true) && !data_producer_paused(world, about) {
        let subject = Subject::DataConsumer(id);
        emit(world, changed(true, PausedBy::Owner, about, subject));
    }
    Ok(())
}

/// Resumes a data consumer.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn resume_data_consumer(world: &mut World, id: DataConsumerId) -> Result<(), Closed> {
    let about = find(world, id)?;
    if set_paused(world, about, false) && !data_producer_paused(world, about) {
        let subject = Subject::DataConsumer(id);
        emit(world, changed(false, PausedBy::Owner, about, subject));
    }
    Ok(())
}

fn data_producer_paused(world: &World, data_consumer: Entity) -> bool {
    world
        .get::<DataConsumer>(data_consumer)
        .is_some_and(|consumer| consumer.data_producer_paused)
}

fn tell_data_consumers(world: &mut World, data_producer: Entity, paused: bool) {
    let routes = world.get::<Routes>(data_producer);
    let consumers: Vec<_> = routes.into_iter().flat_map(Routes::iter).collect();
    for about in consumers {
        let Some(&id) = world.get::<DataConsumerId>(about) else {
            continue;
        };
        if let Some(mut consumer) = world.get_mut::<DataConsumer>(about) {
            consumer.data_producer_paused = paused;
        }
        let subject = Subject::DataConsumer(id);
        let own_pause = world
            .get::<PausedByOwner>(about)
            .is_some_and(|paused| paused.0);
        if paused {
            emit(world, DataProducerPaused { about, subject });
        } else {
            emit(world, DataProducerResumed { about, subject });
        }
        if !own_pause {
            happen(world, &changed(paused, PausedBy::Producer, about, subject));
        }
    }
}
