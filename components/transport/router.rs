//! Routers: what consumes what stays within one.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};

use crate::rtp_parameters::RtpCapabilities;

/// A router: the scope in which producers can be consumed. Its identifier is a
/// [`RouterId`](crate::RouterId) beside it.
#[derive(Component, Clone, Debug)]
pub struct Router {
    /// What it routes: generated from its media codecs when it was created.
    pub capabilities: RtpCapabilities,
}

crate::snapshot::state! { struct Router { capabilities } }

/// The router that a transport belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Transports)]
pub struct OnRouter(pub Entity);

crate::snapshot::state! { struct OnRouter(it) }

/// The transports of a router, in no order.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = OnRouter)]
pub struct Transports(EntityHashSet);
