//! Statistics of data producers and data consumers are read.

use bevy_ecs::world::World;
use flumen_components::stats::{DataConsumerStats, DataProducerStats};
use flumen_components::{
    Closed, DataConsumer, DataConsumerId, DataParameters, DataProducer, DataProducerId, Now, find,
};

use super::sctp::buffered_amount;

/// What a data producer received.
///
/// # Errors
///
/// [`Closed`] when the data producer is.
pub fn data_producer_stats(world: &World, id: DataProducerId) -> Result<DataProducerStats, Closed> {
    let entity = find(world, id)?;
    let closed = || Closed::new(id);
    let producer = world.get::<DataProducer>(entity).ok_or_else(closed)?;
    let parameters = world.get::<DataParameters>(entity).ok_or_else(closed)?;
    Ok(DataProducerStats {
        timestamp: world.resource::<Now>().time.as_millis(),
        label: parameters.label.clone(),
        protocol: parameters.protocol.clone(),
        messages_received: producer.messages,
        bytes_received: producer.bytes,
    })
}

/// What a data consumer sent.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn data_consumer_stats(world: &World, id: DataConsumerId) -> Result<DataConsumerStats, Closed> {
    let entity = find(world, id)?;
    let closed = || Closed::new(id);
    let consumer = world.get::<DataConsumer>(entity).ok_or_else(closed)?;
    let parameters = world.get::<DataParameters>(entity).ok_or_else(closed)?;
    Ok(DataConsumerStats {
        timestamp: world.resource::<Now>().time.as_millis(),
        label: parameters.label.clone(),
        protocol: parameters.protocol.clone(),
        messages_sent: consumer.messages,
        bytes_sent: consumer.bytes,
        buffered_amount: buffered_amount(world, id).unwrap_or(0),
    })
}
