//! What an association yields besides datagrams.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::State;

/// A message that arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMessage {
    /// Stream identifier.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// User data.
    pub payload: Bytes,
}

/// What happened to an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AssociationEvent {
    /// How many streams the two ends agreed on; told just before [`State::Connected`].
    Streams {
        /// Streams that may be sent on: identifiers below this one.
        outbound: u16,
        /// Streams that the peer may send on.
        inbound: u16,
    },
    /// The state changed.
    StateChanged(State),
    /// Why it failed; told just before [`State::Failed`].
    Failed(Failure),
    /// The peer reset a stream that it sends on; its sequence numbers begin anew.
    ResetByPeer {
        /// Stream identifier.
        stream: u16,
    },
    /// A stream that was to be reset from here has been: it may be used anew.
    ResetDone {
        /// Stream identifier.
        stream: u16,
    },
    /// What a stream has buffered fell from above its threshold to it or below.
    BufferedAmountLow {
        /// Stream identifier.
        stream: u16,
        /// Bytes that are still buffered.
        buffered: usize,
    },
    /// A message was longer than `max_receive_message_size` and was dropped.
    TooLong {
        /// Stream identifier.
        stream: u16,
    },
}

/// Why an association failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody answered INIT or COOKIE ECHO (RFC 9260 section 5.1, eight retransmissions).
    Handshake,
    /// The peer sent ABORT.
    Aborted,
    /// The peer acknowledged nothing for too long (RFC 9260 section 8.1, ten retransmissions or
    /// heartbeats).
    Unreachable,
    /// The peer made the association hold more than its bounds: fragments that are never
    /// completed, or more streams than were announced.
    Flooded,
    /// What the peer sent contradicts what went before, and the library gave up.
    Protocol,
    /// The tape that is played back does not fit the calls.
    Diverged,
    /// The library panicked; the association is gone, the tick is not.
    Panicked,
}
