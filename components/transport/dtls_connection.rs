//! The DTLS connection of a WebRTC transport, and what it is made with.

use std::ops::{Deref, DerefMut};

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use flumen_protocol::dtls::{Config, Connection, Identity};

use crate::tick::deadline::{Deadlines, Due};
use crate::tick::time::Time;

/// The DTLS connection of a WebRTC transport. Written by Demux, by who sends messages, and between
/// ticks.
#[derive(Component)]
pub struct DtlsConnection {
    connection: Connection,
    identity: Identity,
    armed: Option<Time>,
}

/// What the connections of an engine are made with.
#[derive(Resource, Clone, Debug)]
pub struct DtlsSettings {
    /// Sizes and limits.
    pub config: Config,
    /// The certificate, and its key.
    pub identity: Identity,
    /// Where the engine's epoch lies for the libraries.
    pub epoch: std::time::Instant,
}

impl DtlsConnection {
    /// Puts a connection of `identity` into the world.
    pub fn new(connection: Connection, identity: Identity) -> Self {
        Self {
            connection,
            identity,
            armed: None,
        }
    }

    /// The certificate that this end shows: that of the settings when the connection was made.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sets a deadline for what is due next, unless an earlier one is set: it is checked again when
    /// it fires.
    pub fn arm(&mut self, transport: Entity, deadlines: &mut Deadlines) {
        let Some(next) = self.connection.next_timeout() else {
            return;
        };
        if self.armed.is_none_or(|armed| next < armed) {
            self.armed = Some(next);
            deadlines.set(next, transport, Due::Dtls);
        }
    }

    /// A deadline fired; false when a later one was set since.
    pub fn fire(&mut self, now: Time) -> bool {
        let due = self.armed.is_some_and(|armed| armed <= now);
        if due {
            self.armed = None;
        }
        due
    }
}

impl Deref for DtlsConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for DtlsConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
