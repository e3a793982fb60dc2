//! RTCP: reading compound packets in place, and writing them into the caller's buffer.
//!
//! [`packets`] walks what a peer sent; every view it gives has been checked, so that its accessors
//! cannot fail. The `write_*` functions append to a `Vec` the caller reuses; sizes, counts and
//! layouts come from the structs of the `rtcp` crate, whose parsers are never let near a peer.

use thiserror::Error;

mod fir;
mod pli;
mod walk;
mod write;

pub use fir::{Fir, FirEntries, FirEntry, write_fir};
pub use pli::{Pli, write_pli};
pub use walk::{Packets, packets};

/// Length of the header that all RTCP packets share.
pub const HEADER_LEN: usize = 4;
/// Length of the two SSRCs in front of every feedback message, RFC 4585 section 6.1.
const FEEDBACK_SSRCS_LEN: usize = 8;

/// Packet types, RFC 3550 section 12.1 and RFC 4585 section 6.1.
mod packet_type {
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// Fewer bytes than a header, or than the length in it says.
    #[error("RTCP packet is cut off")]
    TooShort,
    /// The version is not 2.
    #[error("RTCP version is not 2")]
    BadVersion,
    /// Padding of zero bytes, not of whole words, or longer than the packet.
    #[error("RTCP padding does not fit")]
    BadPadding,
    /// The packet is shorter than its type, or a count in it, requires.
    #[error("RTCP packet does not fit its type")]
    BadBody,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    /// A picture is lost: send a key frame, RFC 4585 section 6.3.1.
    Pli(Pli),
    /// Send a key frame, RFC 5104 section 4.3.1.
    Fir(Fir<'a>),
    /// Anything else.
    Unknown(Unknown<'a>),
}

/// A packet of a type, or of a feedback format, that means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// Its type.
    pub packet_type: u8,
    /// The five bits that are a count, a subtype or a feedback format.
    pub count: u8,
    /// What follows the header, without padding.
    pub body: &'a [u8],
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}
