//! Why packets are not protected.

use thiserror::Error;

/// Why a packet of a peer was not opened. What is in its place then means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Its header, or what protection adds, runs past it.
    #[error("shorter than its header and what protects it")]
    Malformed,
    /// SRTCP that is not encrypted: its E flag is 0 (RFC 3711 section 3.4).
    #[error("not encrypted")]
    Unencrypted,
    /// It was opened before.
    #[error("opened before")]
    Replayed,
    /// So far behind the newest packet that nobody knows whether it was opened before.
    #[error("too far behind the newest packet")]
    TooOld,
    /// It was not sealed with this key, or was changed since.
    #[error("not authentic")]
    Forged,
    /// Its SSRC is one more than [`Bounds::ssrcs`](super::Bounds::ssrcs).
    #[error("of too many SSRCs")]
    TooManySsrcs,
}

/// Why a packet was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// Its header is none, or the space for it is of another length.
    #[error("not a header and what it needs")]
    Malformed,
    /// A packet with its SSRC and number was sealed before: two of them would tell the key's secrets
    /// (RFC 3711 section 9.1).
    #[error("a packet with this number was sealed before")]
    IndexUsed,
    /// So far behind the newest packet that nobody knows whether its number was used.
    #[error("too far behind the newest packet")]
    TooOld,
    /// Its SSRC is one more than [`Bounds::ssrcs`](super::Bounds::ssrcs).
    #[error("of too many SSRCs")]
    TooManySsrcs,
    /// As many packets were sealed with this key as may be.
    #[error("the key has protected as many packets as it may")]
    KeyExhausted,
}
