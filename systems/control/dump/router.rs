//! Routers are dumped.

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::world::World;
use flumen_components::dump::{KeyValue, KeyValues, RouterDump};
use flumen_components::{
    Closed, Consumers, Created, DataConsumers, Id, ObservedBy, ProducerId, Residents, RouterId,
    RtpObserverId, RtpObservers, TransportId, Transports, find,
};

use super::{ids, related};

/// The transports of a router, and what consumes what.
///
/// # Errors
///
/// [`Closed`] when the router is.
pub fn dump_router(world: &World, id: RouterId) -> Result<RouterDump, Closed> {
    let router = find(world, id)?;
    let consumers = consumed::<Consumers, _, _>(world, router);
    let data_consumers = consumed::<DataConsumers, _, _>(world, router);
    Ok(RouterDump {
        id,
        transport_ids: ids::<Transports, _>(world, router),
        rtp_observer_ids: ids::<RtpObservers, _>(world, router),
        map_consumer_id_producer_id: inverted(&consumers),
        map_producer_id_consumer_ids: consumers,
        map_producer_id_observer_ids: observed(world, router),
        map_data_consumer_id_data_producer_id: inverted(&data_consumers),
        map_data_producer_id_data_consumer_ids: data_consumers,
    })
}

/// Those on a router's transports that a `K` names, with those that consume them.
fn consumed<T: RelationshipTarget, K: Id, V: Id>(
    world: &World,
    router: Entity,
) -> Vec<KeyValues<K, V>> {
    let entry = |(entity, key)| KeyValues {
        key,
        values: ids::<T, V>(world, entity),
    };
    residents(world, router).into_iter().map(entry).collect()
}

/// The producers of a router that observers listen to.
fn observed(world: &World, router: Entity) -> Vec<KeyValues<ProducerId, RtpObserverId>> {
    let entry = |(entity, key)| {
        let observers = world.get::<ObservedBy>(entity)?.0.iter();
        let values: Vec<_> = observers
            .filter_map(|&observer| world.get::<RtpObserverId>(observer).copied())
            .collect();
        (!values.is_empty()).then_some(KeyValues { key, values })
    };
    residents(world, router)
        .into_iter()
        .filter_map(entry)
        .collect()
}

/// Those on a router's transports that a `K` names, in the order of their creation.
fn residents<K: Id>(world: &World, router: Entity) -> Vec<(Entity, K)> {
    let transports = related::<Transports, TransportId>(world, router).into_iter();
    let residents = transports.flat_map(|(transport, _)| related::<Residents, K>(world, transport));
    let mut residents: Vec<_> = residents.collect();
    residents.sort_by_key(|&(entity, _)| world.get::<Created>(entity));
    residents
}

/// The same seen from the other end.
fn inverted<K: Copy, V: Copy>(map: &[KeyValues<K, V>]) -> Vec<KeyValue<V, K>> {
    let pairs = |entry: &KeyValues<K, V>| {
        let value = entry.key;
        let pair = move |key| KeyValue { key, value };
        entry.values.clone().into_iter().map(pair)
    };
    map.iter().flat_map(pairs).collect()
}
