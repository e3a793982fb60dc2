//! Events of this tick enter the world and the application's list.

use bevy_ecs::world::World;
use flumen_components::Traces;
use flumen_components::event::{Event, Pending, emit, record};

/// Publishes the events that systems of this tick made, then what was traced.
pub(crate) fn publish_events(world: &mut World) {
    if !world.resource::<Pending>().0.is_empty() {
        let mut pending = std::mem::take(&mut world.resource_mut::<Pending>().0);
        for event in pending.drain(..) {
            emit(world, event);
        }
        // Observers may have made more; those wait for the next tick.
        pending.append(&mut world.resource_mut::<Pending>().0);
        world.resource_mut::<Pending>().0 = pending;
    }
    if !world.resource::<Traces>().is_empty() {
        record_traces(world);
    }
}

/// Trace events call who observes them, but are no entities: one can come with every packet.
fn record_traces(world: &mut World) {
    let mut traces = std::mem::take(&mut *world.resource_mut::<Traces>());
    for traced in traces.drain() {
        world.trigger(traced.clone());
        record(world, Event::Traced(traced));
    }
    *world.resource_mut::<Traces>() = traces;
}
