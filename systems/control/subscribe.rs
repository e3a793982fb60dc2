//! Data consumers choose their subchannels.

use bevy_ecs::world::World;
use flumen_components::{Closed, DataConsumerId, Subchannels, find};

/// Replaces what a data consumer subscribed to, in any order.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn set_subchannels(
    world: &mut World,
    id: DataConsumerId,
    subchannels: &[u16],
) -> Result<(), Closed> {
    change(world, id, |set| {
        *set = subchannels.iter().copied().collect::<Subchannels>();
    })
}

/// Subscribes a data consumer to one more subchannel.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn add_subchannel(world: &mut World, id: DataConsumerId, one: u16) -> Result<(), Closed> {
    change(world, id, |set| set.insert(one))
}

/// Unsubscribes a data consumer from a subchannel.
///
/// # Errors
///
/// [`Closed`] when the data consumer is.
pub fn remove_subchannel(world: &mut World, id: DataConsumerId, one: u16) -> Result<(), Closed> {
    change(world, id, |set| set.remove(one))
}

fn change(
    world: &mut World,
    id: DataConsumerId,
    act: impl FnOnce(&mut Subchannels),
) -> Result<(), Closed> {
    let entity = find(world, id)?;
    let mut set = world
        .get_mut::<Subchannels>(entity)
        .ok_or_else(|| Closed::new(id))?;
    act(&mut set);
    Ok(())
}
