//! Transports that learnt a remote address since the last Feedback.

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::transport::path::Role;

/// Ways that have just opened: from now on consumers can send, or senders can be asked. Written by
/// Demux and between ticks, emptied by Feedback.
#[derive(Resource, Debug, Default)]
pub struct Connected(pub Vec<(Entity, Role)>);

crate::snapshot::state! { struct Connected(it) }
