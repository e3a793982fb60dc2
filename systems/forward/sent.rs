//! How a packet was sent.

use flumen_components::trace::PacketTrace;
use flumen_components::{Emission, PacketFacts, Rewriting};

/// How a packet was sent.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) sequence: u16,
    /// Bytes of the packet.
    pub(super) size: u32,
    pub(super) rewriting: Option<&'a Rewriting>,
}

impl Sent<'_> {
    /// The RTP timestamp of what came with the timestamp `captured`.
    pub(super) fn timestamp(self, captured: u32) -> u32 {
        self.rewriting
            .map_or(captured, |rewriting| rewriting.timestamp)
    }

    /// What a trace tells of it.
    pub(super) fn trace(self, packet: &PacketFacts, emission: &Emission) -> PacketTrace {
        let header = &packet.header;
        PacketTrace {
            payload_type: emission.numbering.payload_type(packet.payload_type),
            sequence_number: self.sequence,
            timestamp: self.timestamp(header.timestamp),
            marker: self
                .rewriting
                .map_or(header.marker, |rewriting| rewriting.marker),
            ssrc: emission.ssrc,
            is_key_frame: packet.key_frame,
            spatial_layer: packet.descriptor.spatial_layer,
            temporal_layer: packet.descriptor.temporal_layer,
            size: self.size,
            payload_size: header.payload_len.into(),
            is_rtx: false,
            mid: None,
            rid: None,
            rrid: None,
            wide_sequence_number: None,
        }
    }
}
