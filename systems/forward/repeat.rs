//! Packets that were kept are written again.

use flumen_components::rtp_parameters::HeaderExtensionIds;
use flumen_components::wire::rtp::{FIXED_LEN, PAYLOAD_TYPE};
use flumen_components::{Emission, Outgoing, OutgoingKind, PacketFacts, Rewriting};

use super::template::{self, Layout, Original};

/// The stream of retransmissions (RFC 4588) that a packet is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtxStream {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    /// The number of the retransmission in that stream.
    pub(crate) sequence: u16,
}

/// What is known of the transport that a packet came on.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) ids: &'a HeaderExtensionIds,
    /// See [`RemoteClock::offset`](flumen_components::RemoteClock::offset).
    pub(crate) clock_offset: Option<i64>,
}

/// What a packet that was kept is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// Its number in the consumer's stream.
    pub(crate) sequence: u16,
    /// What else changes in it.
    pub(crate) rewriting: Option<Rewriting>,
    /// It is a retransmission.
    pub(crate) rtx: Option<RtxStream>,
    /// Its number is used up, and nothing comes under it: no payload.
    pub(crate) is_empty: bool,
}

/// Appends a packet that was kept, whole, with its stamps still to be written. `None` when it would
/// be longer than any datagram; nothing is appended then.
pub(crate) fn repeat(
    out: &mut Vec<u8>,
    emission: &Emission,
    (facts, bytes): (&PacketFacts, &[u8]),
    sender: Sender<'_>,
    wanted: Repeat,
) -> Option<Outgoing> {
    let sequence = wanted.sequence;
    let start = out.len();
    let original = Original {
        header: &facts.header,
        payload_type: facts.payload_type,
        bytes,
        ids: sender.ids,
        clock_offset: sender.clock_offset,
    };
    let template = template::write(out, Layout::of(emission), original);
    let header = &mut out[start..];
    if let Some(rewriting) = &wanted.rewriting {
        template.rewrite(header, rewriting);
    }
    if wanted.is_empty {
        header[0] &= !PADDING_BIT;
        header[PAYLOAD_TYPE] &= !MARKER_BIT;
    }
    let patch = wanted.rewriting.map(|rewriting| rewriting.patch);
    let patch = patch.unwrap_or_default();
    let with_padding = &bytes[facts.header.payload_start.into()..];
    let payload = match wanted.rtx {
        None => {
            template.personalise(header, emission.ssrc, sequence, &emission.mid);
            with_padding
        }
        Some(rtx) => {
            template.personalise(header, rtx.ssrc, rtx.sequence, &emission.mid);
            // RFC 4588 section 4: padding is removed, and the original number goes before the
            // payload.
            header[0] &= !PADDING_BIT;
            header[PAYLOAD_TYPE] = header[PAYLOAD_TYPE] & MARKER_BIT | rtx.payload_type;
            out.extend_from_slice(&sequence.to_be_bytes());
            facts.header.payload(bytes)
        }
    };
    if !wanted.is_empty {
        out.extend_from_slice(patch.bytes());
        out.extend_from_slice(&payload[patch.replaced().into()..]);
    }
    let Ok(len) = u16::try_from(out.len() - start) else {
        out.truncate(start);
        return None;
    };
    debug_assert!(usize::from(len) >= FIXED_LEN, "a header was written");
    Some(Outgoing {
        abs_send_time: template.abs_send_time,
        transport_sequence: template.transport_sequence,
        kind: OutgoingKind::Media,
        ..Outgoing::generated(start as u32, len)
    })
}

const PADDING_BIT: u8 = 0x20;
const MARKER_BIT: u8 = 0x80;
