//! Why something was not taken.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a connection was not told whom to expect. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ConnectError {
    /// Without a fingerprint anybody could be the peer.
    #[error("no fingerprint of the peer's certificate")]
    NoFingerprint,
    /// Not bytes in hexadecimal with colons between, or not as many as the hash function yields.
    #[error("{0:?} is no fingerprint of its algorithm")]
    InvalidFingerprint(String),
    /// SHA-1 alone: that of another certificate can be made to match.
    #[error("sha-1 alone does not tell one certificate from another")]
    NoSupportedFingerprint,
    /// It was told before.
    #[error("the peer is already known")]
    AlreadyConnected,
}

/// Why a datagram was not taken in. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Refused {
    /// No DTLS, or not well-formed.
    #[error("not well-formed")]
    Malformed,
    /// Well-formed, and nothing that is waited for: data before a handshake, a ClientHello for a
    /// client, an alert that anybody could have sent.
    #[error("not waited for")]
    Unexpected,
    /// More than a handshake takes: [`Config::handshake_bytes`](super::Config::handshake_bytes).
    #[error("more than a handshake takes")]
    Flooded,
    /// The connection is over.
    #[error("the connection is over")]
    Closed,
}

/// Why data was not taken. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is not connected.
    #[error("the connection is not connected")]
    NotConnected,
    /// Longer than a datagram may be: [`Config::mtu`](super::Config::mtu).
    #[error("longer than a datagram may be")]
    TooLong,
    /// The library refused it.
    #[error("the data could not be sent")]
    Failed,
}

/// Why a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Failure {
    /// The peer's certificate is not the one that signalling told of.
    #[error("the certificate is not the one that was told of")]
    Fingerprint,
    /// No SRTP protection profile is known to both.
    #[error("no SRTP protection profile in common")]
    NoSrtpProfile,
    /// The handshake took longer than [`Config::handshake_timeout`](super::Config).
    #[error("the handshake took too long")]
    TimedOut,
    /// The peer sent an alert (RFC 8446 section 6) and then nothing more.
    #[error("alert {0} of the peer")]
    Alert(u8),
    /// The handshake broke, with what the library says about it.
    #[error("the handshake broke: {0}")]
    Broken(String),
    /// What was called is not what was recorded.
    #[error("what was called is not what was recorded")]
    Diverged,
}
