//! Trace events: rare by default, one a packet when asked for.

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};

use crate::feedback::outgoing_estimate::{EstimateCause, EstimateMethod, PathFigures};
use crate::wire::rtcp::SenderInfo;

/// What can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TraceType {
    /// Every RTP packet that does not begin a key frame (unless key frames are not traced); of a
    /// consumer also those that are sent again because its receiver asks, and not those of probes.
    Rtp,
    /// RTP packets that begin a key frame.
    KeyFrame,
    /// Negative acknowledgements.
    Nack,
    /// Picture loss indications.
    Pli,
    /// Full intra requests.
    Fir,
    /// Sender reports.
    Sr,
    /// Packets sent to try what the path of a transport carries.
    Probation,
    /// What the path of a transport carries.
    Bwe,
}

/// The types that are traced on a transport, producer or consumer; none at first.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceTypes(u8);

crate::snapshot::state! { struct TraceTypes(it) }

impl TraceTypes {
    /// `type_` is traced.
    pub fn contains(self, type_: TraceType) -> bool {
        self.0 >> type_ as u8 & 1 == 1
    }

    /// Nothing is traced.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types that are traced, in the order in which [`TraceType`] declares them.
    pub fn iter(self) -> impl Iterator<Item = TraceType> {
        use TraceType::{Bwe, Fir, KeyFrame, Nack, Pli, Probation, Rtp, Sr};
        let all = [Rtp, KeyFrame, Nack, Pli, Fir, Sr, Probation, Bwe];
        all.into_iter().filter(move |&type_| self.contains(type_))
    }

    /// Which of the two types a packet is traced as: a key frame is not traced twice.
    pub fn of_packet(self, key_frame: bool) -> Option<TraceType> {
        if key_frame && self.contains(TraceType::KeyFrame) {
            Some(TraceType::KeyFrame)
        } else {
            self.contains(TraceType::Rtp).then_some(TraceType::Rtp)
        }
    }
}

impl FromIterator<TraceType> for TraceTypes {
    fn from_iter<I: IntoIterator<Item = TraceType>>(types: I) -> Self {
        Self(
            types
                .into_iter()
                .fold(0, |set, type_| set | 1 << type_ as u8),
        )
    }
}

/// Towards the engine or away from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards the engine.
    In,
    /// Away from the engine.
    Out,
}

/// Something traced, as `trace` events tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub type_: TraceType,
    /// When: milliseconds since the engine's epoch.
    pub timestamp: u64,
    /// Towards the engine or away from it.
    pub direction: Direction,
    /// More about it.
    pub info: TraceInfo,
}

/// More about what was traced.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum TraceInfo {
    /// An RTP packet.
    Packet(PacketTrace),
    /// The stream that a PLI or FIR is about.
    #[serde(rename_all = "camelCase")]
    Stream {
        /// Its SSRC.
        ssrc: u32,
    },
    /// A sender report.
    #[serde(rename_all = "camelCase")]
    SenderReport {
        /// The SSRC of the stream.
        ssrc: u32,
        /// NTP time, seconds.
        ntp_sec: u32,
        /// NTP time, fraction of a second in 1/2^32.
        ntp_frac: u32,
        /// The same instant on the stream's RTP clock.
        rtp_ts: u32,
        /// Packets sent so far.
        packet_count: u32,
        /// Payload bytes sent so far.
        octet_count: u32,
    },
    /// What a path carries, and why that is believed.
    Bandwidth(BandwidthTrace),
    /// Nothing: negative acknowledgements, probation.
    None {},
}

impl TraceInfo {
    /// What a sender report said.
    pub fn sender_report(info: &SenderInfo) -> Self {
        Self::SenderReport {
            ssrc: info.ssrc,
            ntp_sec: (info.ntp >> 32) as u32,
            ntp_frac: info.ntp as u32,
            rtp_ts: info.rtp_timestamp,
            packet_count: info.packet_count,
            octet_count: info.octet_count,
        }
    }
}

/// What a path carries, as traces tell it. Bitrates are in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BandwidthTrace {
    /// How the receiver tells.
    pub bwe_type: EstimateMethod,
    /// What the consumers of the transport want.
    pub desired_bitrate: u64,
    /// What they want, or wanted a moment ago.
    pub effective_desired_bitrate: u64,
    /// The least that is made of the path.
    pub min_bitrate: u64,
    /// The most that is made of it.
    pub max_bitrate: u64,
    /// What it was believed to carry at first.
    pub start_bitrate: u64,
    /// The most that is sent to probe.
    pub max_padding_bitrate: u64,
    /// What it carries.
    pub available_bitrate: u64,
    /// What the last change of that came of. Not in the JavaScript API, nor are the figures.
    pub cause: EstimateCause,
    /// What was measured.
    #[serde(flatten)]
    pub figures: PathFigures,
}

/// An RTP packet as traces tell it. On a producer as it was received; on a consumer as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PacketTrace {
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence_number: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// SSRC.
    pub ssrc: u32,
    /// It begins a key frame.
    pub is_key_frame: bool,
    /// The spatial layer of its frame, 0 when it tells none.
    pub spatial_layer: u8,
    /// The temporal layer of its frame, 0 when it tells none.
    pub temporal_layer: u8,
    /// Length of the packet in bytes.
    pub size: u32,
    /// Length of the payload in bytes, without padding.
    pub payload_size: u32,
    /// It is a retransmission (RFC 4588): on a consumer with that one's own SSRC, payload type and
    /// number.
    pub is_rtx: bool,
    /// The MID it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// The RID it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The repaired RID it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rrid: Option<String>,
    /// The transport-wide sequence number it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wide_sequence_number: Option<u16>,
}
