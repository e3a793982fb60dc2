//! ICE-lite (RFC 8445 section 2.5): an agent that answers checks and follows its peer.
//!
//! It is told of every check that came and of every packet that was authenticated otherwise, and
//! says by which way to send. What the ways are is its owner's to know: here they are only compared.

mod agent;
mod credentials;
mod repeats;
mod tuple;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use agent::Agent;
pub use credentials::{Credentials, Parameters};

/// What an agent is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// For how long nothing authenticated may come before the peer is taken for gone (RFC 7675:
    /// 30 s); none for ever.
    pub consent_timeout: Option<Duration>,
    /// Ways that are known at a time; the oldest one that is not selected makes room.
    pub tuples: usize,
    /// Bytes that are sent by a way before something authenticated besides checks has come by it, and
    /// by all such ways that are selected within ten seconds: whoever knows the password can have
    /// checks come from where others live.
    pub unproven_bytes: u32,
    /// How often within ten seconds another way may be selected.
    pub switches: u32,
}

flumen_wire::state! { struct Config { consent_timeout, tuples, unproven_bytes, switches } }

impl Default for Config {
    fn default() -> Self {
        Self {
            consent_timeout: Some(Duration::from_secs(30)),
            tuples: 8,
            unproven_bytes: 64 << 10,
            switches: 16,
        }
    }
}

/// How far an agent is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No check has come.
    #[default]
    New,
    /// A way was found.
    Connected,
    /// The peer has chosen one.
    Completed,
    /// Nothing has come for too long.
    Disconnected,
    /// Its owner closed it.
    Closed,
}

flumen_wire::state! { enum State { New, Connected, Completed, Disconnected, Closed } }

/// What a check that was answered did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The way is new: what comes by it is the peer's.
    pub added: bool,
    /// A way that made room for it.
    pub evicted: Option<T>,
    /// The user name that is not answered to any more, as the peer has nominated under the one that
    /// followed.
    pub retired: Option<Box<str>>,
}

/// Why a message was neither answered nor heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no request.
    #[error("it is no request")]
    NoRequest,
    /// It is for somebody else.
    #[error("the user name is not this agent's")]
    UnknownUser,
    /// It is not signed, or not with the password.
    #[error("it is not signed with the password")]
    Unauthenticated,
    /// Another way has brought it before.
    #[error("it is a repetition from elsewhere")]
    Repeated,
}
