//! Consumers: media that leaves a router.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};

use crate::rtp_parameters::{MediaKind, RtpParameters};

/// What hangs a consumer into the world. Its identifier is a [`ConsumerId`](crate::ConsumerId)
/// beside it.
#[derive(Component, Clone, Debug)]
pub struct Consumer {
    /// Audio or video.
    pub kind: MediaKind,
    /// The producer it consumes.
    pub producer: Entity,
    /// The transport it sends on.
    pub transport: Entity,
    /// The producer is paused.
    pub producer_paused: bool,
    /// Its position in the producer's [`Routes`](crate::Routes).
    pub route: u32,
}

crate::snapshot::state! { struct Consumer { kind, producer, transport, producer_paused, route } }

/// What a consumer was made with: never touched by the forwarding path.
#[derive(Component, Clone, Debug)]
pub struct ConsumerParameters {
    /// What it sends.
    pub rtp: RtpParameters,
}

crate::snapshot::state! { struct ConsumerParameters { rtp } }

/// The producer that a consumer consumes.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Consumers)]
pub struct ConsumesFrom(pub Entity);

crate::snapshot::state! { struct ConsumesFrom(it) }

/// The consumers of a producer, in no order. The fan-out reads [`Routes`](crate::Routes) instead.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = ConsumesFrom)]
pub struct Consumers(EntityHashSet);
