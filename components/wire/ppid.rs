//! SCTP payload protocol identifiers of data channels (RFC 8831 section 8, IANA registry).

/// Data Channel Establishment Protocol.
pub const DCEP: u32 = 50;
/// A string, in UTF-8.
pub const STRING: u32 = 51;
/// Binary data.
pub const BINARY: u32 = 53;
/// The empty string. SCTP carries no empty message, so it comes with a byte that is not read.
pub const STRING_EMPTY: u32 = 56;
/// Binary data of no bytes, with a byte that is not read.
pub const BINARY_EMPTY: u32 = 57;
