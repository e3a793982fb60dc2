//! How a packet was sent.

use flumen_components::trace::PacketTrace;
use flumen_components::{Emission, PacketFacts, Rewriting};

use super::repeat::{Repeat, RtxStream};

/// How a packet was sent.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(super) sequence: u16,
    /// Bytes of the packet.
    pub(super) size: u32,
    pub(super) rewriting: Option<&'a Rewriting>,
    pub(super) rtx: Option<RtxStream>,
    /// It has no payload.
    pub(super) is_empty: bool,
}

impl<'a> Sent<'a> {
    /// How a packet was sent for the first time.
    pub(super) fn first(sequence: u16, size: u32, rewriting: Option<&'a Rewriting>) -> Self {
        Self {
            sequence,
            size,
            rewriting,
            rtx: None,
            is_empty: false,
        }
    }

    /// How a packet was sent again.
    pub(crate) fn again(repeat: &'a Repeat, size: u32) -> Self {
        Self {
            sequence: repeat.sequence,
            size,
            rewriting: repeat.rewriting.as_ref(),
            rtx: repeat.rtx,
            is_empty: repeat.is_empty,
        }
    }

    /// The RTP timestamp of what came with the timestamp `captured`.
    pub(super) fn timestamp(self, captured: u32) -> u32 {
        self.rewriting
            .map_or(captured, |rewriting| rewriting.timestamp)
    }

    /// What a trace tells of it.
    pub(crate) fn trace(self, packet: &PacketFacts, emission: &Emission) -> PacketTrace {
        let header = &packet.header;
        let own = emission.numbering.payload_type(packet.payload_type);
        let payload_size = if self.is_empty { 0 } else { header.payload_len };
        // A retransmission begins with the number of what it is one of (RFC 4588 section 4).
        let original_number = if self.rtx.is_some() { 2 } else { 0 };
        PacketTrace {
            payload_type: self.rtx.map_or(own, |rtx| rtx.payload_type),
            sequence_number: self.rtx.map_or(self.sequence, |rtx| rtx.sequence),
            timestamp: self.timestamp(header.timestamp),
            marker: self
                .rewriting
                .map_or(header.marker, |rewriting| rewriting.marker),
            ssrc: self.rtx.map_or(emission.ssrc, |rtx| rtx.ssrc),
            is_key_frame: packet.key_frame && !self.is_empty,
            spatial_layer: packet.descriptor.spatial_layer,
            temporal_layer: packet.descriptor.temporal_layer,
            size: self.size,
            payload_size: u32::from(payload_size) + original_number,
            is_rtx: self.rtx.is_some(),
            mid: None,
            rid: None,
            rrid: None,
            wide_sequence_number: None,
        }
    }
}
