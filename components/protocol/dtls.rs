//! DTLS and the keys for SRTP, driven by the tick: one narrow seam, and what stands behind it.
//!
//! A [`Connection`] takes datagrams and the time, and yields datagrams, data and events. It opens
//! no socket, reads no clock and starts no thread.

mod attempt;
mod config;
mod connection;
mod dimpl;
mod error;
mod event;
mod fingerprint;
mod flights;
mod gate;
mod hellos;
mod identity;
mod library;
mod machine;
mod output;
mod parameters;
mod recorded;
mod rtc;
mod srtp_keys;
mod state;

pub use config::{Config, Versions};
pub use connection::Connection;
pub use error::{ConnectError, Failure, Refused, SendError};
pub use event::Event;
pub use fingerprint::{Fingerprint, HashAlgorithm};
pub use identity::{Identity, IdentityError};
pub use output::Output;
pub use parameters::Parameters;
pub use recorded::Tape;
pub use srtp_keys::SrtpKeys;
pub use state::{Role, State};
