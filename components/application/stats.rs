//! Statistics, with the field names of the JavaScript API.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rtp_parameters::MediaKind;

mod transport_stats;

pub use transport_stats::{PlainTransportStats, TransportStats, WebRtcTransportStats};

/// What both directions of a stream have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamStats {
    /// Milliseconds since the engine's epoch.
    pub timestamp: u64,
    /// SSRC: of the remote sender, or of the consumer.
    pub ssrc: u32,
    /// SSRC of retransmissions, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_ssrc: Option<u32>,
    /// RTP stream identifier, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// Audio or video.
    pub kind: MediaKind,
    /// As configured: "video/VP8".
    pub mime_type: String,
    /// Packets received or sent, padding-only ones included.
    pub packet_count: u64,
    /// Their bytes, header and padding included, without padding-only packets.
    pub byte_count: u64,
    /// Bits a second over 2.5 seconds; of received streams with DTX, over 6.
    pub bitrate: u64,
    /// Picture loss indications sent (inbound) or received (outbound).
    pub pli_count: u64,
    /// Full intra requests sent (inbound) or received (outbound).
    pub fir_count: u64,
    /// 0 to 10.
    pub score: u8,
}

/// A received stream: an entry of a producer's statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InboundRtpStats {
    /// What both directions have in common.
    #[serde(flatten)]
    pub stream: StreamStats,
    /// Bits a second of each layer with those below it, under names like "0.2": spatial layer 0,
    /// temporal layer 2. A layer that is silent itself has 0. Empty for a stream with one layer.
    pub bitrate_by_layer: BTreeMap<String, u64>,
    /// Interarrival jitter in units of the RTP clock (RFC 3550 section 6.4.1).
    pub jitter: u32,
    /// Packets rejected for their sequence number.
    pub packets_discarded: u64,
    /// Retransmissions received.
    pub packets_retransmitted: u64,
    /// Retransmissions received that were of use.
    pub packets_repaired: u64,
    /// Packets of the stream of retransmissions rejected for their sequence number.
    pub rtx_packets_discarded: u64,
    /// Packets lost up to the last report, since the sender's numbers began (anew).
    pub packets_lost: i32,
    /// The share lost between the last two reports, in 1/256.
    pub fraction_lost: u8,
    /// Negative acknowledgements sent.
    pub nack_count: u64,
    /// Packets asked for in them.
    pub nack_packet_count: u64,
    /// Milliseconds, 0 when not known.
    pub round_trip_time: f64,
}

/// A sent stream: an entry of a consumer's statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundRtpStats {
    /// What both directions have in common.
    #[serde(flatten)]
    pub stream: StreamStats,
    /// Packets lost, as the receiver told last.
    pub packets_lost: i32,
    /// The share lost between its last two reports, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter that it told, in units of the RTP clock.
    pub jitter: u32,
    /// Packets that came too late for their place in the outgoing sequence.
    pub packets_discarded: u64,
    /// Packets sent again.
    pub packets_retransmitted: u64,
    /// Packets sent again for the first time.
    pub packets_repaired: u64,
    /// Negative acknowledgements received.
    pub nack_count: u64,
    /// Packets asked for in them.
    pub nack_packet_count: u64,
    /// Milliseconds, 0 when not known.
    pub round_trip_time: f64,
    /// Requests beyond what is looked at in a tick or sent again within a round trip.
    pub rtx_packets_discarded: u64,
}

/// An entry of statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum RtpStats {
    /// A received stream.
    #[serde(rename = "inbound-rtp")]
    Inbound(InboundRtpStats),
    /// A sent stream.
    #[serde(rename = "outbound-rtp")]
    Outbound(OutboundRtpStats),
}

/// What a data producer received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "data-producer", rename_all = "camelCase")]
pub struct DataProducerStats {
    /// Milliseconds since the engine's epoch.
    pub timestamp: u64,
    /// Its label.
    pub label: String,
    /// Its protocol.
    pub protocol: String,
    /// Messages received, those received while paused included.
    pub messages_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
}

/// What a data consumer sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "data-consumer", rename_all = "camelCase")]
pub struct DataConsumerStats {
    /// Milliseconds since the engine's epoch.
    pub timestamp: u64,
    /// Its label.
    pub label: String,
    /// Its protocol.
    pub protocol: String,
    /// Messages sent, whatever became of them then.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Bytes that wait to be sent, or for the peer to acknowledge them: 0 on a direct transport.
    pub buffered_amount: u64,
}
