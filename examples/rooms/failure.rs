//! What goes wrong.

use std::error::Error;
use std::fmt::Display;

use hyper::StatusCode;

/// What ends the program.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A request that cannot be served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// What the client is told.
    pub(crate) why: String,
}

impl Refusal {
    /// A refusal with a status.
    pub(crate) fn new(status: StatusCode, why: impl Display) -> Self {
        Self {
            status,
            why: why.to_string(),
        }
    }

    /// What was asked for makes no sense.
    pub(crate) fn bad(why: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// The engine cannot be asked now.
    pub(crate) fn busy(why: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// There is no such thing.
    pub(crate) fn missing(what: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, what)
    }

    /// What was asked for cannot be had by this client.
    pub(crate) fn unusable(why: impl Display) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, why)
    }
}
