//! Transports that learnt their remote address since the last Feedback.

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

/// Transports whose consumers can send from now on, and so need a key frame. Written by Demux and
/// between ticks, emptied by Feedback.
#[derive(Resource, Debug, Default)]
pub struct Connected(pub Vec<Entity>);
