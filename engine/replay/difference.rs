//! How a replay ends before its recording does.

use std::fmt;

use flumen_components::Time;
use thiserror::Error;

use crate::build_error::BuildError;
use crate::recording::{Outputs, RecordingError};
use crate::snapshot::{RestoreError, SnapshotError};

/// A run cannot be replayed, or not to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The recording cannot be read, or not further.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The engine cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It cannot go on from the snapshot that the recording begins with.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A limit or another setting of the builder is another than it was.
    #[error("{name} was {recorded} and is {given}")]
    SettingChanged {
        /// The name of its setter.
        name: String,
        /// As JSON.
        recorded: String,
        /// As JSON.
        given: String,
    },
    /// A plugin of the run is not there, or systems that it added.
    #[error("the run had {0}, which is missing")]
    PluginMissing(String),
    /// A plugin that the run did not have, or systems.
    #[error("the run did not have {0}")]
    PluginUnknown(String),
    /// Plugins were added in another order.
    #[error("the plugins are those of the run, in another order")]
    PluginOrder,
    /// What components are cannot be told.
    #[error(transparent)]
    State(SnapshotError),
    /// The replay is not as the run was.
    #[error(transparent)]
    Differs(Difference),
    /// A system or a request failed, then as now: no difference, but the end of the run.
    #[error("the run ended here, as {system} failed: {message}")]
    Failed {
        /// The name of the system, or where the request was made.
        system: String,
        /// What it said then.
        message: String,
    },
}

/// The first difference between a run and its replay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("behind tick {tick}, at {:.6} s, {what}{}", seconds(*.at), hint(*.lent))]
pub struct Difference {
    /// The number of the tick; what an application did behind it counts as its own.
    pub tick: u64,
    /// Its time.
    pub at: Time,
    /// What differs.
    pub what: Divergence,
    /// The tick behind which the application was first lent the world, if it was: what it did there
    /// is not in the recording, and may be the reason.
    pub lent: Option<u64>,
}

/// In what way a replay differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// Something else left.
    Outputs {
        /// What had left then.
        recorded: Outputs,
        /// What left now.
        replayed: Outputs,
    },
    /// The same has left until now, and a component is another than it was.
    State {
        /// Its type.
        component: String,
        /// Whose it is, such as "producer" and its id; none for a resource.
        of: Option<String>,
    },
    /// Other events wait, or other packets or messages on direct transports, than were collected then.
    Delivered,
    /// The application did this then, and cannot do so now.
    Command {
        /// What it did.
        verb: String,
        /// Why it cannot.
        reason: String,
    },
    /// The engine asked something else of its sockets.
    Asked(&'static str),
    /// A system failed then and not now, or now and not then, or another one did.
    Failure {
        /// The system, and what it said.
        recorded: Option<String>,
        /// The same.
        replayed: Option<String>,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outputs { recorded, replayed } => {
                write!(f, "{recorded} had left, and now {replayed}")
            }
            Self::State { component, of } => {
                let of = of.as_ref().map_or(String::new(), |of| format!(" of {of}"));
                write!(f, "the component {component}{of} had been another")
            }
            Self::Delivered => f.write_str("other packets or messages had been collected"),
            Self::Command { verb, reason } => write!(f, "{verb} cannot be done again: {reason}"),
            Self::Asked(what) => f.write_str(what),
            Self::Failure { recorded, replayed } => {
                let told = |failure: &Option<String>| failure.clone().unwrap_or("nothing".into());
                write!(
                    f,
                    "{} had failed, and now {}",
                    told(recorded),
                    told(replayed)
                )
            }
        }
    }
}

fn seconds(at: Time) -> f64 {
    at.as_nanos() as f64 / 1e9
}

fn hint(lent: Option<u64>) -> String {
    let hint = |tick| {
        format!(" (behind tick {tick} the application was lent the world; what it did is unknown)")
    };
    lent.map(hint).unwrap_or_default()
}
