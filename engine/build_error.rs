//! Why an engine cannot be built.

use flumen_components::VetoError;
use flumen_protocol::dtls::IdentityError;
use flumen_systems::OrderError;
use thiserror::Error;

/// An engine cannot be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Systems that conflict have no definite order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A reason of the application's own that cannot be.
    #[error(transparent)]
    Veto(#[from] VetoError),
    /// A limit that nothing can work with.
    #[error("{name} is {value}: {reason}")]
    Limit {
        /// The name of the limit.
        name: &'static str,
        /// Its value.
        value: usize,
        /// Why it cannot be.
        reason: &'static str,
    },
    /// The range of ports is empty.
    #[error("the port range {first} to {last} is empty")]
    EmptyPortRange {
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
    },
    /// No certificate could be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The operating system gave no random seed.
    #[error("the operating system gave no random seed: {0}")]
    Seed(String),
    /// The operating system gave fewer threads than were asked for.
    #[error("the operating system gave no thread: {0}")]
    Threads(#[source] std::io::Error),
    /// A run of this cannot be recorded: it draws randomness of its own, and reads a clock of its own.
    #[error("{0} makes no run the same again, so that there is no recording with it")]
    NotRepeatable(&'static str),
    /// No recording can be written.
    #[error("cannot record: {0}")]
    Recording(std::io::Error),
    /// The operating system gave no way to wait for sockets.
    #[error("cannot wait for sockets: {0}")]
    Backend(#[from] std::io::Error),
}
