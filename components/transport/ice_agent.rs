//! The ICE agent of a WebRTC transport.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use flumen_protocol::ice::{Agent, Config, Credentials, State};

use crate::tick::deadline::{Deadlines, Due};
use crate::tick::seed::Generator;
use crate::tick::time::Time;
use crate::transport::socket::SocketKey;

/// A way to the peer of a WebRTC transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IceTuple {
    /// The local socket.
    pub socket: SocketKey,
    /// The remote address.
    pub remote: SocketAddr,
}

crate::snapshot::state! { struct IceTuple { socket, remote } }

/// The ICE agent of a WebRTC transport, and how far the world has followed it. Written by Demux and
/// between ticks.
#[derive(Component)]
pub struct IceAgent {
    agent: Agent<IceTuple>,
    generator: Generator,
    /// State and selected way as they were announced.
    told: (State, Option<IceTuple>),
    listed: bool,
    armed: Option<Time>,
    /// The tick in which checks were counted last, and how many there were: by the way to the peer, and
    /// by others.
    checks: (u64, u32, u32),
}

crate::snapshot::state! { struct IceAgent { agent, generator, told, listed, armed, checks } }

/// The transports of which the ICE agent or the DTLS connection may have moved: what follows from
/// it is done at the end of Demux.
#[derive(Debug, Default)]
pub struct MovedSessions(pub Vec<Entity>);

crate::snapshot::state! { struct MovedSessions(it) }

/// The transports that send by a way of which nothing but checks has come: these get little. Written
/// by Demux, read by Protect.
#[derive(Debug, Default)]
pub struct UnprovenTransports(pub Vec<Entity>);

crate::snapshot::state! { struct UnprovenTransports(it) }

impl UnprovenTransports {
    /// Puts `transport` among them, once.
    pub fn add(&mut self, transport: Entity) {
        if !self.0.contains(&transport) {
            self.0.push(transport);
        }
    }
}

impl IceAgent {
    /// An agent that waits for checks; it draws its credentials from `generator`.
    pub fn new(config: Config, mut generator: Generator) -> Self {
        let credentials = Credentials::random(&mut generator);
        Self {
            agent: Agent::new(config, credentials),
            generator,
            told: (State::New, None),
            listed: false,
            armed: None,
            checks: (0, 0, 0),
        }
    }

    /// Draws other credentials and begins anew with them.
    pub fn restart(&mut self) {
        let credentials = Credentials::random(&mut self.generator);
        self.agent.restart(credentials);
    }

    /// State and selected way, of which the second part says what they were when this was asked
    /// last.
    pub fn news(&mut self) -> [(State, Option<IceTuple>); 2] {
        let now = (self.agent.state(), self.agent.selected());
        [now, std::mem::replace(&mut self.told, now)]
    }

    /// Puts `transport` on the list, once.
    pub fn list(&mut self, transport: Entity, moved: &mut MovedSessions) {
        if !std::mem::replace(&mut self.listed, true) {
            moved.0.push(transport);
        }
    }

    /// It was taken off the list.
    pub fn unlist(&mut self) {
        self.listed = false;
    }

    /// One more check is to be read in this tick; false beyond `limit`. Those by the way to the peer are
    /// counted apart, so that strangers who know its user name keep none of its own from being read.
    pub fn may_check(&mut self, tick: u64, by_its_way: bool, limit: u32) -> bool {
        if self.checks.0 != tick {
            self.checks = (tick, 0, 0);
        }
        let count = match by_its_way {
            true => &mut self.checks.1,
            false => &mut self.checks.2,
        };
        *count += 1;
        *count <= limit
    }

    /// Sets a deadline for the end of consent, unless one is set: it is checked again when it fires.
    pub fn arm(&mut self, transport: Entity, deadlines: &mut Deadlines) {
        let Some(next) = self.agent.next_timeout() else {
            return;
        };
        if self.armed.is_none() {
            self.armed = Some(next);
            deadlines.set(next, transport, Due::IceConsent);
        }
    }

    /// The deadline fired.
    pub fn disarm(&mut self) {
        self.armed = None;
    }
}

impl Deref for IceAgent {
    type Target = Agent<IceTuple>;

    fn deref(&self) -> &Agent<IceTuple> {
        &self.agent
    }
}

impl DerefMut for IceAgent {
    fn deref_mut(&mut self) -> &mut Agent<IceTuple> {
        &mut self.agent
    }
}
