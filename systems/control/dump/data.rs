//! Data producers and data consumers are dumped.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::dump::{DataConsumerDump, DataProducerDump};
use flumen_components::{
    BufferedAmountLowThreshold, Closed, DataConsumer, DataConsumerId, DataParameters,
    DataProducerId, PausedByOwner, Subchannels, find,
};

use crate::control::sctp::buffered_amount;

/// What a data producer was made with.
///
/// # Errors
///
/// [`Closed`] when the data producer is.
pub fn dump_data_producer(world: &World, id: DataProducerId) -> Result<DataProducerDump, Closed> {
    let entity = find(world, id)?;
    let parameters = world.get::<DataParameters>(entity);
    Ok(DataProducerDump {
        id,
        paused: world
            .get::<PausedByOwner>(entity)
            .is_some_and(|paused| paused.0),
        parameters: parameters.ok_or_else(|| Closed::new(id))?.clone(),
    })
}

/// What a data consumer was made with, what it subscribed to, and what waits.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn dump_data_consumer(world: &World, id: DataConsumerId) -> Result<DataConsumerDump, Closed> {
    let entity = find(world, id)?;
    dump(world, entity, id).ok_or_else(|| Closed::new(id))
}

fn dump(world: &World, entity: Entity, id: DataConsumerId) -> Option<DataConsumerDump> {
    let consumer = world.get::<DataConsumer>(entity)?;
    let threshold = world.get::<BufferedAmountLowThreshold>(entity);
    let over_sctp = consumer.stream.is_some();
    Some(DataConsumerDump {
        id,
        paused: world.get::<PausedByOwner>(entity)?.0,
        data_producer_paused: consumer.data_producer_paused,
        subchannels: world.get::<Subchannels>(entity)?.as_slice().to_vec(),
        data_producer_id: *world.get::<DataProducerId>(consumer.data_producer)?,
        parameters: world.get::<DataParameters>(entity)?.clone(),
        buffered_amount: buffered_amount(world, id).unwrap_or(0),
        buffered_amount_low_threshold: threshold
            .filter(|_| over_sctp)
            .map_or(0, |threshold| threshold.0),
    })
}
