//! Data producers and data consumers close.

use bevy_ecs::entity::{Entity, EntityHashSet};
use bevy_ecs::world::World;
use flumen_components::event::{DataProducerClosed, TransportClosed, emit};
use flumen_components::{
    Closed, DataConsumer, DataConsumerId, DataParameters, DataProducer, DataProducerId,
    DtlsConnection, Routes, SctpAssociation, SctpStreams, Subject, find,
};

use super::end::end;
use super::sctp::stir;

/// Closes a data producer, and its data consumers with it.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_data_producer(world: &mut World, id: DataProducerId) -> Result<(), Closed> {
    let data_producer = find(world, id)?;
    end_data_producer(world, data_producer, id, &EntityHashSet::new());
    Ok(())
}

/// Closes a data consumer.
///
/// # Errors
///
/// [`Closed`] when it is already.
pub fn close_data_consumer(world: &mut World, id: DataConsumerId) -> Result<(), Closed> {
    let data_consumer = find(world, id)?;
    unroute(world, data_consumer);
    leave_stream(world, data_consumer);
    end(world, data_consumer, id, Subject::DataConsumer(id));
    Ok(())
}

/// Ends the data producers, then the data consumers among the residents of a transport that closes.
pub(super) fn end_data_residents(world: &mut World, residents: &[Entity], closing: &EntityHashSet) {
    for &about in residents {
        let Some(&id) = world.get::<DataProducerId>(about) else {
            continue;
        };
        let subject = Subject::DataProducer(id);
        emit(world, TransportClosed { about, subject });
        end_data_producer(world, about, id, closing);
    }
    for &about in residents {
        let Some(&id) = world.get::<DataConsumerId>(about) else {
            continue;
        };
        let subject = Subject::DataConsumer(id);
        emit(world, TransportClosed { about, subject });
        unroute(world, about);
        end(world, about, id, subject);
    }
}

/// Data consumers on one of `closing`, transports that close too, are left to it: they are told
/// that their transport closed.
fn end_data_producer(
    world: &mut World,
    data_producer: Entity,
    id: DataProducerId,
    closing: &EntityHashSet,
) {
    let routes = world.get::<Routes>(data_producer);
    let consumers: Vec<_> = routes.into_iter().flat_map(Routes::iter).collect();
    ignore_stream(world, data_producer, closing);
    end(world, data_producer, id, Subject::DataProducer(id));
    for about in consumers {
        let consumer = world.get::<DataConsumer>(about);
        let Some(&id) = world.get::<DataConsumerId>(about) else {
            continue;
        };
        if consumer.is_some_and(|consumer| closing.contains(&consumer.transport)) {
            continue;
        }
        let subject = Subject::DataConsumer(id);
        emit(world, DataProducerClosed { about, subject });
        leave_stream(world, about);
        end(world, about, id, subject);
    }
}

/// What comes on the stream of a data producer is nobody's from now on. Of a data channel the peer
/// hears so, unless a data consumer uses it, too; a transport among `closing` tells its end itself.
fn ignore_stream(world: &mut World, data_producer: Entity, closing: &EntityHashSet) {
    let parameters = world.get::<DataParameters>(data_producer);
    let stream = parameters.and_then(|parameters| parameters.sctp_stream_parameters);
    let producer = world.get::<DataProducer>(data_producer);
    let (Some(stream), Some(&DataProducer { transport, .. })) = (stream, producer) else {
        return;
    };
    let stream = stream.stream_id;
    let is_channel = world.get::<DtlsConnection>(transport).is_some();
    let Some(mut streams) = world.get_mut::<SctpStreams>(transport) else {
        return;
    };
    streams.incoming.remove(&stream);
    if is_channel && streams.sender(stream).is_none() && !closing.contains(&transport) {
        streams.abandon(stream);
        reset(world, transport, stream);
    }
}

fn reset(world: &mut World, transport: Entity, stream: u16) {
    if let Some(mut association) = world.get_mut::<SctpAssociation>(transport) {
        association.reset_stream(stream);
    }
    stir(world, transport);
}

/// Gives the stream of a data consumer back. It is reset, so that its next user begins anew and the
/// peer hears of the end.
fn leave_stream(world: &mut World, data_consumer: Entity) {
    let consumer = world.get::<DataConsumer>(data_consumer);
    let Some(&DataConsumer {
        stream: Some(stream),
        transport,
        ..
    }) = consumer
    else {
        return;
    };
    if let Some(mut streams) = world.get_mut::<SctpStreams>(transport) {
        streams.release(stream.stream_id);
    }
    reset(world, transport, stream.stream_id);
}

/// Takes a data consumer out of its data producer's routes. Nobody else's turn changes.
fn unroute(world: &mut World, data_consumer: Entity) {
    let Some(&consumer) = world.get::<DataConsumer>(data_consumer) else {
        return;
    };
    let Some(mut routes) = world.get_mut::<Routes>(consumer.data_producer) else {
        return;
    };
    let mut lent = std::mem::take(&mut *routes);
    lent.remove(consumer.route, |entity, position| {
        if let Some(mut moved) = world.get_mut::<DataConsumer>(entity) {
            moved.route = position;
        }
    });
    if let Some(mut routes) = world.get_mut::<Routes>(consumer.data_producer) {
        *routes = lent;
    }
}
