//! SCTP packets, RFC 9260: an in-place walk, and a check that decides what is well-formed.
//!
//! An SCTP stack is fed only with packets that [`check`] has passed: every chunk ends where its
//! length says and is as long as its type demands, every list inside a chunk is as long as its
//! count says, and every parameter ends inside its chunk. Nothing here allocates or panics.

mod check;
mod checksum;
mod chunk;
mod data;
mod forward;
mod init;
mod parameter;
mod reconfig;
mod sack;
mod write;

pub use check::{Header, Malformed, check};
pub use checksum::{checksum, is_sealed, seal};
pub use chunk::{Chunk, Chunks, chunks};
pub use data::Data;
pub use forward::{Forward, Forwarded};
pub use init::Init;
pub use parameter::{Parameter, Parameters, parameter_kind, parameters};
pub use reconfig::{ResetRequest, ResetResponse};
pub use sack::Sack;
pub use write::{
    close_chunk, open_chunk, write_forwarded, write_header, write_heartbeat, write_parameter,
    write_reset_request, write_reset_response, write_sack,
};

/// Bytes of the common header, RFC 9260 section 3.1.
pub const HEADER_LEN: usize = 12;
/// Bytes of a chunk's header: type, flags and length, RFC 9260 section 3.2.
pub const CHUNK_HEADER_LEN: usize = 4;

/// Chunk types: RFC 9260 section 3.2, RFC 3758 section 3.2 and RFC 6525 section 3.1.
pub mod kind {
    /// User data.
    pub const DATA: u8 = 0;
    /// The first packet of a handshake.
    pub const INIT: u8 = 1;
    /// Its answer, with the state cookie.
    pub const INIT_ACK: u8 = 2;
    /// What has arrived.
    pub const SACK: u8 = 3;
    /// Asks whether the peer is there.
    pub const HEARTBEAT: u8 = 4;
    /// It is.
    pub const HEARTBEAT_ACK: u8 = 5;
    /// The end, at once.
    pub const ABORT: u8 = 6;
    /// The end, once all has arrived.
    pub const SHUTDOWN: u8 = 7;
    /// Agreed.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Something that does not end the association.
    pub const ERROR: u8 = 9;
    /// The cookie comes back.
    pub const COOKIE_ECHO: u8 = 10;
    /// It was the right one.
    pub const COOKIE_ACK: u8 = 11;
    /// The shutdown is over.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
    /// Requests about streams, RFC 6525.
    pub const RE_CONFIG: u8 = 130;
    /// What was abandoned, RFC 3758.
    pub const FORWARD_TSN: u8 = 192;
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}
