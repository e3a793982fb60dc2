//! Sockets that any number of WebRTC transports share.

use bevy_ecs::component::Component;
use bevy_ecs::entity::EntityHashSet;

use crate::transport::ice_candidate::IceListener;

/// One or a few sockets for any number of WebRTC transports: checks find theirs by user name,
/// everything else by the way it came. Written between ticks.
#[derive(Component, Clone, Debug, Default)]
pub struct WebRtcServer {
    /// The sockets, in the order in which they were asked for.
    pub listeners: Vec<IceListener>,
    /// The transports on it, in no order.
    pub transports: EntityHashSet,
}

crate::snapshot::state! { struct WebRtcServer { listeners, transports } }
