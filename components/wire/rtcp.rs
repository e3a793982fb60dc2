//! RTCP: reading compound packets in place, and writing them into the caller's buffer.
//!
//! [`packets`] walks what a peer sent; every view it gives has been checked, so that its accessors
//! cannot fail. The `write_*` functions append to a `Vec` the caller reuses; sizes, counts and
//! layouts come from the structs of the `rtcp` crate, whose parsers are never let near a peer.

use thiserror::Error;

mod app;
mod bye;
mod congestion_feedback;
mod extended_report;
mod fir;
mod nack;
mod pli;
mod receiver_report;
mod remb;
mod report_block;
mod rows;
mod sender_report;
mod source_description;
pub mod transport_feedback;
mod walk;
mod write;

pub use app::App;
pub use bye::{Bye, write_bye};
pub use congestion_feedback::{CongestionFeedback, StreamArrival, StreamArrivals};
pub use extended_report::{
    Dlrr, DlrrItem, ExtendedReport, XrBlock, XrBlocks, write_dlrr, write_reference_time,
};
pub use fir::{Fir, FirEntry, write_fir};
pub use nack::{NACK_ITEMS_MAX, Nack, NackItem, named_by_one_nack, write_nack};
pub use pli::{Pli, write_pli};
pub use receiver_report::{ReceiverReport, write_receiver_report};
pub use remb::{Remb, write_remb};
pub use report_block::ReportBlock;
pub use rows::{Row, Rows};
pub use sender_report::{SenderInfo, SenderReport, write_sender_report};
pub use source_description::{SdesChunk, SdesChunks, SourceDescription, write_cname};
pub use transport_feedback::{Arrival, TransportFeedback, write_transport_feedback};
pub use walk::{Packets, packets};

/// Length of the header that all RTCP packets share.
pub const HEADER_LEN: usize = 4;
/// Length of the two SSRCs in front of every feedback message, RFC 4585 section 6.1.
const FEEDBACK_SSRCS_LEN: usize = 8;
/// Most entries of a list that is counted by the five bits in the header.
pub const COUNT_MAX: usize = 31;

/// Why bytes are not RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// Fewer bytes than a header, or than the length in it says.
    #[error("RTCP packet is cut off")]
    TooShort,
    /// The version is not 2.
    #[error("RTCP version is not 2")]
    BadVersion,
    /// Padding of zero bytes, or longer than the packet.
    #[error("RTCP padding does not fit")]
    BadPadding,
    /// The packet is shorter than its type, or a count in it, requires.
    #[error("RTCP packet does not fit its type")]
    BadBody,
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    /// How a stream's clock maps to a common one, RFC 3550 section 6.4.1.
    SenderReport(SenderReport<'a>),
    /// How streams arrive, RFC 3550 section 6.4.2.
    ReceiverReport(ReceiverReport<'a>),
    /// Names of sources, RFC 3550 section 6.5.
    SourceDescription(SourceDescription<'a>),
    /// Sources leave, RFC 3550 section 6.6.
    Bye(Bye<'a>),
    /// Something of an application's own, RFC 3550 section 6.7.
    App(App<'a>),
    /// Packets are missing: send them again, RFC 4585 section 6.2.1.
    Nack(Nack<'a>),
    /// When packets arrived, draft-holmer-rmcat-transport-wide-cc-extensions-01.
    TransportFeedback(TransportFeedback<'a>),
    /// When packets arrived, by stream, RFC 8888.
    CongestionFeedback(CongestionFeedback<'a>),
    /// A picture is lost: send a key frame, RFC 4585 section 6.3.1.
    Pli(Pli),
    /// Send a key frame, RFC 5104 section 4.3.1.
    Fir(Fir<'a>),
    /// How much a path carries, draft-alvestrand-rmcat-remb-03.
    Remb(Remb<'a>),
    /// Reference times and their answers, RFC 3611.
    ExtendedReport(ExtendedReport<'a>),
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
