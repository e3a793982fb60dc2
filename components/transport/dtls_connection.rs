//! The DTLS connection of a WebRTC transport, and what it is made with.

use std::ops::{Deref, DerefMut};

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use flumen_protocol::dtls::{Config, Connection, Identity, Tapes};
use zeroize::Zeroizing;

use crate::snapshot::Roster;
use crate::tick::deadline::{Deadlines, Due};
use crate::tick::seed::{Created, Generator};
use crate::tick::time::Time;
use crate::wire::state::{Malformed, Reader, State, Writer};

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
    /// Whether what they yield is recorded, or played back.
    pub taping: Taping,
}

/// Whether connections are recorded, each under the number of its transport, or played back.
#[derive(Clone, Debug, Default)]
pub enum Taping {
    /// Neither.
    #[default]
    Off,
    /// They are recorded.
    Recording(Tapes),
    /// They yield again what they yielded then.
    Playing(Tapes),
}

impl DtlsSettings {
    /// The connection of the transport that was created as number `created`.
    pub fn connection(&self, created: Created, generator: Generator) -> Connection {
        let (config, identity) = (&self.config, &self.identity);
        let live = || Connection::new(config, identity, self.epoch, generator);
        match &self.taping {
            Taping::Off => live(),
            Taping::Playing(tapes) => Connection::playing(created.0, tapes.clone()),
            Taping::Recording(tapes) => {
                let mut connection = live();
                connection.record_to(created.0, tapes.clone());
                connection
            }
        }
    }
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

/// Its deadline is set anew when it comes back. Its certificate is saved with it unless it is that of
/// the settings.
impl State<Roster> for DtlsConnection {
    fn save(&self, out: &mut Writer<Roster>) {
        let settings = out.context.dtls.as_ref().map(|settings| &settings.identity);
        let is_another = |current: &&Identity| current.certificate() != self.identity.certificate();
        let other = settings.filter(is_another).map(|_| self.identity.to_der());
        let other = other
            .as_ref()
            .map(|(certificate, key)| (certificate, &**key));
        other.is_some().save(out);
        if let Some((certificate, key)) = other {
            certificate.save(out);
            key.save(out);
        }
        self.connection.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let settings = from.context.dtls.clone().ok_or(Malformed)?;
        let identity = match bool::load(from)? {
            false => settings.identity,
            true => {
                let certificate = Vec::<u8>::load(from)?;
                let key = Zeroizing::new(Vec::<u8>::load(from)?);
                Identity::from_der(&certificate, &key).map_err(|_| Malformed)?
            }
        };
        let connection = Connection::resumed(
            &settings.config,
            &identity,
            settings.epoch,
            from.context.now,
            from,
        )?;
        Ok(Self::new(connection, identity))
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
