//! Senders are limited.

use bevy_ecs::world::World;
use flumen_components::{Closed, IncomingLimit, TransportId, TransportKind, find};
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
    let transport = find(world, id)?;
    if world.get::<TransportKind>(transport) == Some(&TransportKind::Direct) {
        return Err(LimitBitrateError::Unsupported);
    }
    if let Some(mut limit) = world.get_mut::<IncomingLimit>(transport) {
        limit.set(bitrate);
    }
    Ok(())
}
