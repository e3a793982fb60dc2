//! Why something was not taken.

use flumen_wire::sctp::Malformed;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a datagram was not taken in. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refused {
    /// No SCTP packet, or one that is not well-formed.
    #[error(transparent)]
    #[serde(skip)]
    Malformed(#[from] Malformed),
    /// Its ports are not those of the association.
    #[error("wrong ports")]
    Ports,
    /// Its verification tag is nobody's (RFC 9260 section 8.5).
    #[error("wrong verification tag")]
    Tag,
    /// An INIT that repeats the one an association began with, comes amid a shutdown, or loses
    /// against our own; or the cookie of one that has lost.
    #[error("an INIT that is not wanted")]
    Init,
    /// The association is over.
    #[error("the association is closed")]
    Closed,
}

/// Why a message was not taken. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SendRefused {
    /// The association is not connected.
    #[error("the association is not connected")]
    NotConnected,
    /// The association is being shut down.
    #[error("the association is shutting down")]
    ShuttingDown,
    /// SCTP has no empty messages: PPIDs 56 and 57 carry one byte.
    #[error("a message without user data")]
    Empty,
    /// Longer than `max_send_message_size`.
    #[error("a message of {length} bytes is longer than {limit}")]
    TooLong {
        /// Bytes of the message.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The stream is not among those that were agreed on.
    #[error("stream {stream} is not below {streams}")]
    NoStream {
        /// The stream asked for.
        stream: u16,
        /// Streams agreed on.
        streams: u16,
    },
    /// `send_buffer_size` or `send_queue_messages` is reached.
    #[error("the send buffer is full")]
    BufferFull,
    /// `per_stream_send_queue_limit` is reached.
    #[error("the send queue of stream {0} is full")]
    StreamFull(u16),
    /// The library refused it.
    #[error("the message could not be sent")]
    Failed,
}
