//! How much of each thing there may be, so that no client takes what others need.

use std::time::Duration;

/// What a server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many rooms there may be.
    pub(crate) rooms: usize,
    /// How many transports there may be in all rooms.
    pub(crate) transports: usize,
    /// How many producers, consumers and their like of data there may be in all rooms.
    pub(crate) parts: usize,
    /// For how long a client may take to come by its transport when it has said who it is, before that
    /// is closed; and before it has, if there is no room for others.
    pub(crate) coming: Duration,
    /// How many HTTP connections are served at a time, listeners included; more wait. Below the 1,024
    /// files that a process may open by default.
    pub(crate) connections: usize,
    /// How long a client may take to say what it wants, and to shake hands before.
    pub(crate) headers: Duration,
    /// The largest request, in bytes: an offer of many media is some tens of KiB.
    pub(crate) body_bytes: usize,
    /// How long a client may take to send it.
    pub(crate) body: Duration,
    /// How many events wait for a listener; one that is slower misses some, and is told who sends now.
    pub(crate) waiting_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 1_000,
            transports: 5_000,
            parts: 50_000,
            coming: Duration::from_secs(30),
            connections: 900,
            headers: Duration::from_secs(10),
            body_bytes: 256 * 1024,
            body: Duration::from_secs(10),
            waiting_events: 256,
        }
    }
}
