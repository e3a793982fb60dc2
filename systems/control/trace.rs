//! What is traced is chosen.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::trace::TraceType;
use flumen_components::{Closed, ConsumerId, ProducerId, TraceTypes, TransportId, find};

/// Chooses what is traced on a transport; each call replaces the choice.
///
/// # Errors
///
/// [`Closed`] when the transport is.
pub fn trace_transport(
    world: &mut World,
    id: TransportId,
    types: &[TraceType],
) -> Result<(), Closed> {
    let transport = find(world, id)?;
    trace(world, transport, types);
    Ok(())
}

/// Chooses what is traced on a producer; each call replaces the choice.
///
/// # Errors
///
/// [`Closed`] when the producer is.
pub fn trace_producer(
    world: &mut World,
    id: ProducerId,
    types: &[TraceType],
) -> Result<(), Closed> {
    let producer = find(world, id)?;
    trace(world, producer, types);
    Ok(())
}

/// Chooses what is traced on a consumer; each call replaces the choice.
///
/// # Errors
///
/// [`Closed`] when the consumer is.
pub fn trace_consumer(
    world: &mut World,
    id: ConsumerId,
    types: &[TraceType],
) -> Result<(), Closed> {
    let consumer = find(world, id)?;
    trace(world, consumer, types);
    Ok(())
}

fn trace(world: &mut World, entity: Entity, types: &[TraceType]) {
    if let Some(mut chosen) = world.get_mut::<TraceTypes>(entity) {
        *chosen = types.iter().copied().collect::<TraceTypes>();
    }
}
