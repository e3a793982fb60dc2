//! Why there is no snapshot, or nothing comes of one.

use std::io;
use std::net::SocketAddr;

use flumen_components::wire::state::Malformed;
use thiserror::Error;

use crate::build_error::BuildError;
use crate::engine::TickError;

/// No snapshot can be taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The engine is poisoned.
    #[error(transparent)]
    Tick(#[from] TickError),
    /// Systems or observers leave something behind in every tick.
    #[error("something is left behind in every tick")]
    Busy,
    /// The engine replays a recording.
    #[error("a replay cannot be taken a snapshot of")]
    Replaying,
    /// The engine has something that snapshots do not know: a mistake of the engine.
    #[error("snapshots do not know {0}")]
    Unknown(String),
    /// A component of the application could not be serialised.
    #[error("a {component} cannot be serialised: {source}")]
    Component {
        /// Its type.
        component: &'static str,
        /// What its serialisation said.
        source: postcard::Error,
    },
}

/// No engine comes of a snapshot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// It cannot be read.
    #[error("the snapshot cannot be read: {0}")]
    Read(io::Error),
    /// The bytes are of something else.
    #[error("this is no snapshot")]
    NotASnapshot,
    /// It has another format: take it with the version of the engine that restores it.
    #[error(
        "the snapshot has format {found}, this engine reads {}",
        super::file::FORMAT
    )]
    Format {
        /// Its format.
        found: u32,
    },
    /// Bytes were changed or cut off.
    #[error("the snapshot is damaged")]
    Damaged,
    /// It has something that cannot be, or a reason of the application's own that no plugin
    /// registers.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A component of the application's that the builder was not told of.
    #[error("the snapshot has components {0}, which the builder does not keep")]
    NotKept(String),
    /// A component of the application could not be deserialised.
    #[error("a {component} cannot be deserialised: {source}")]
    Component {
        /// Its type.
        component: String,
        /// What its deserialisation said.
        source: postcard::Error,
    },
    /// No engine can be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A socket cannot be bound where it was.
    #[error("cannot bind to {address}: {source}")]
    Bind {
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}
