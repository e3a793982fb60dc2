//! What stands before the world: what to build, and who is in it.

use bevy_ecs::entity::Entity;
use flumen_components::snapshot::Roster;
use flumen_components::{SocketKey, Time};

use crate::backend::BindRequest;

/// The front of a snapshot, behind its time and what was left out.
pub(super) struct Head {
    /// A header of recordings, as JSON.
    pub(super) made_with: String,
    /// NTP time at which it was taken (Q32.32).
    pub(super) taken: u64,
    pub(super) ticks: u64,
    pub(super) last_tick: Time,
    pub(super) on_the_clock: bool,
    /// Where sockets were bound.
    pub(super) sockets: Vec<(SocketKey, BindRequest)>,
    /// How many of the entities are kept; the others are gone, and only referred to.
    pub(super) kept: usize,
    /// All of them as they were, by their numbers.
    pub(super) entities: Vec<u64>,
}

flumen_components::wire::state! {
    in Roster: struct Head {
        made_with, taken, ticks, last_tick, on_the_clock, sockets, kept, entities
    }
}

flumen_components::wire::state! {
    in Roster: struct BindRequest {
        protocol, address, send_buffer_bytes, receive_buffer_bytes, ipv6_only, reuse_port,
        unsent_bytes_per_connection
    }
}

/// An entity as it was; of bytes that cannot be one, nothing.
pub(super) fn before(bits: u64) -> Option<Entity> {
    Entity::try_from_bits(bits)
}
