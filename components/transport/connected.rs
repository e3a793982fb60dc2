//! Transports that learnt a remote address since the last Feedback.

use bevy_ecs::entity::Entity;

use crate::transport::path::Role;

/// Ways that have just opened: from now on consumers can send, or senders can be asked. Written by
/// Demux and between ticks, emptied by Feedback.
#[derive(Debug, Default)]
pub struct Connected(pub Vec<(Entity, Role)>);

crate::snapshot::state! { struct Connected(it) }
