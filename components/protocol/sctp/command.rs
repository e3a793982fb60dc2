//! What an association is asked to send.

use bytes::Bytes;

/// A message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// Stream identifier, 0 to 65,534.
    pub stream: u16,
    /// Payload protocol identifier. Messages with others than 51, 53, 56 and 57 are copied, and
    /// count four bytes more while they are buffered.
    pub ppid: u32,
    /// Whether it must not overtake others of its stream.
    pub ordered: bool,
    /// How hard to try.
    pub reliability: Reliability,
    /// At least one byte: SCTP has no empty messages.
    pub payload: Bytes,
}

/// How hard to try to deliver a message, RFC 3758. Unordered without limits is reliable and
/// unordered, as RFC 8831 section 6.6 says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reliability {
    /// Until it is acknowledged, or the association ends.
    #[default]
    Reliable,
    /// For so many milliseconds from when it was handed over.
    Lifetime(u16),
    /// With so many retransmissions at most.
    Retransmits(u16),
}
