//! Sockets are entities of their own: many transports may share one.

use std::net::SocketAddr;

use bevy_ecs::component::Component;

/// Names a bound socket between the world and the backend; reused only after it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketKey(pub u32);

crate::snapshot::state! { struct SocketKey(it) }

/// A bound socket: of UDP, or one of TCP that listens. Written when it is bound, read by Demux and Forward.
#[derive(Component, Clone, Debug)]
pub struct Socket {
    /// Its name towards the backend.
    pub key: SocketKey,
    /// The address the system gave it.
    pub local: SocketAddr,
}

crate::snapshot::state! { struct Socket { key, local } }

/// What a socket that transports share is announced as, instead of its address.
#[derive(Component, Clone, Debug)]
pub struct Announced(pub Option<String>);

crate::snapshot::state! { struct Announced(it) }
