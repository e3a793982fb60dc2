//! Senders are limited, and what is made of the paths to receivers.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::{
    Agenda, Closed, IncomingLimit, OutgoingEstimate, OutgoingLimit, TransportId, TransportKind,
    find,
};
use thiserror::Error;

/// A bitrate cannot be limited.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LimitBitrateError {
    /// The transport is closed.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// A direct transport has no path with a bitrate.
    #[error("the bitrate of a direct transport cannot be limited")]
    Unsupported,
    /// Nothing that is limited so is of any use.
    #[error("a limit of {0} bit/s is below the least, {floor}", floor = OutgoingLimit::FLOOR)]
    BelowFloor(u64),
    /// The maximum would be lower than the minimum.
    #[error("a maximum of {max} bit/s is below the minimum of {min}")]
    Contradiction {
        /// The maximum.
        max: u64,
        /// The minimum.
        min: u64,
    },
}

/// Limits what the sender of a transport should send to `bitrate` bits a second; 0 lifts the limit.
/// The sender is told by REMB, if its producers negotiated feedback on bandwidth.
///
/// # Errors
///
/// See [`LimitBitrateError`]; nothing has changed then.
pub fn set_max_incoming_bitrate(
    world: &mut World,
    id: TransportId,
    bitrate: u64,
) -> Result<(), LimitBitrateError> {
    let transport = limited(world, id)?;
    if let Some(mut limit) = world.get_mut::<IncomingLimit>(transport) {
        limit.set(bitrate);
    }
    Ok(())
}

/// Makes of the path to the receiver of a transport no more than `bitrate` bits a second; 0 lifts
/// the limit.
///
/// # Errors
///
/// See [`LimitBitrateError`]; nothing has changed then.
pub fn set_max_outgoing_bitrate(
    world: &mut World,
    id: TransportId,
    bitrate: u64,
) -> Result<(), LimitBitrateError> {
    let max = (bitrate > 0).then_some(bitrate);
    limit_outgoing(world, id, bitrate, |limit| limit.max = max)
}

/// Makes of the path to the receiver of a transport no less than `bitrate` bits a second; 0 lifts
/// the limit.
///
/// # Errors
///
/// See [`LimitBitrateError`]; nothing has changed then.
pub fn set_min_outgoing_bitrate(
    world: &mut World,
    id: TransportId,
    bitrate: u64,
) -> Result<(), LimitBitrateError> {
    let min = (bitrate > 0).then_some(bitrate);
    limit_outgoing(world, id, bitrate, |limit| limit.min = min)
}

fn limit_outgoing(
    world: &mut World,
    id: TransportId,
    bitrate: u64,
    change: impl FnOnce(&mut OutgoingLimit),
) -> Result<(), LimitBitrateError> {
    let transport = limited(world, id)?;
    if bitrate > 0 && bitrate < OutgoingLimit::FLOOR {
        return Err(LimitBitrateError::BelowFloor(bitrate));
    }
    let Some(mut limit) = world.get_mut::<OutgoingLimit>(transport) else {
        return Ok(());
    };
    let mut changed = *limit;
    change(&mut changed);
    if let (Some(max), Some(min)) = (changed.max, changed.min)
        && max < min
    {
        return Err(LimitBitrateError::Contradiction { max, min });
    }
    *limit = changed;
    estimate_anew(world, transport);
    Ok(())
}

/// What the path of a transport carries, and who gets what of it, is looked at in the next tick.
pub(super) fn estimate_anew(world: &mut World, transport: Entity) {
    if world.get::<OutgoingEstimate>(transport).is_none() {
        return;
    }
    world.resource_scope::<Agenda, ()>(|world, mut agenda| {
        if let Some(mut estimate) = world.get_mut::<OutgoingEstimate>(transport) {
            estimate.list(transport, &mut agenda.paths);
        }
    });
}

/// A transport whose bitrate can be limited.
fn limited(world: &World, id: TransportId) -> Result<Entity, LimitBitrateError> {
    let transport = find(world, id)?;
    match world.get::<TransportKind>(transport) {
        Some(TransportKind::Direct) => Err(LimitBitrateError::Unsupported),
        _ => Ok(transport),
    }
}
