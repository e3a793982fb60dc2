//! Statistics of transports.

use serde::Serialize;

use crate::TransportId;
use crate::tick::counts::Counts;
use crate::tick::discard::Discard;
use crate::transport::path::Tuple;
use flumen_protocol::dtls::State as DtlsState;
use flumen_protocol::ice::State as IceState;
use flumen_protocol::sctp::State as SctpState;

/// What passed through a transport. Bitrates are in bits a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportStats {
    /// "plain-rtp-transport", "webrtc-transport" or "direct-transport".
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// The transport.
    pub transport_id: TransportId,
    /// Milliseconds since the engine's epoch.
    pub timestamp: u64,
    /// The state of its SCTP association, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_state: Option<SctpState>,
    /// Bytes of all datagrams received.
    pub bytes_received: u64,
    /// Their bitrate, over 1,000 ms.
    pub recv_bitrate: u64,
    /// Bytes of all datagrams sent.
    pub bytes_sent: u64,
    /// Their bitrate, over 1,000 ms.
    pub send_bitrate: u64,
    /// Bytes of RTP received by producers, without retransmissions.
    pub rtp_bytes_received: u64,
    /// Their bitrate, over 2,500 ms.
    pub rtp_recv_bitrate: u64,
    /// Bytes of RTP sent for consumers, without retransmissions.
    pub rtp_bytes_sent: u64,
    /// Their bitrate, over 2,500 ms.
    pub rtp_send_bitrate: u64,
    /// Bytes of retransmissions received.
    pub rtx_bytes_received: u64,
    /// Their bitrate, over 1,000 ms.
    pub rtx_recv_bitrate: u64,
    /// Bytes of retransmissions sent.
    pub rtx_bytes_sent: u64,
    /// Their bitrate, over 1,000 ms.
    pub rtx_send_bitrate: u64,
    /// Bytes sent to try what the path carries.
    pub probation_bytes_sent: u64,
    /// Their bitrate, over 100 ms.
    pub probation_send_bitrate: u64,
    /// What the path to the receiver carries, in bits a second, when its receiver tells of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_outgoing_bitrate: Option<u64>,
    /// What the path of the sender carries, in bits a second, when the engine estimates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_incoming_bitrate: Option<u64>,
    /// What the sender was limited to, in bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_incoming_bitrate: Option<u64>,
    /// The most that is made of the path to the receiver, in bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_outgoing_bitrate: Option<u64>,
    /// The least that is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_outgoing_bitrate: Option<u64>,
    /// The share of RTP packets that were lost on their way here, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtp_packet_loss_received: Option<f64>,
    /// The share of RTP packets that were lost on their way to the receiver, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtp_packet_loss_sent: Option<f64>,
    /// Datagrams that went no further, by reason; missing when there are none. Not in the
    /// JavaScript API.
    #[serde(skip_serializing_if = "Counts::is_zero")]
    pub discarded: Counts<Discard>,
    /// What only plain transports tell.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub plain: Option<PlainTransportStats>,
    /// What only WebRTC transports tell.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub webrtc: Option<WebRtcTransportStats>,
}

/// What only WebRTC transports tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcTransportStats {
    /// Always "controlled": the peer nominates.
    pub ice_role: &'static str,
    /// How far the ICE agent is.
    pub ice_state: IceState,
    /// The addresses that are sent by, once there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_selected_tuple: Option<Tuple>,
    /// How far the DTLS connection is.
    pub dtls_state: DtlsState,
}

/// What only plain transports tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainTransportStats {
    /// RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Remote addresses are learnt.
    pub comedia: bool,
    /// The addresses of RTP.
    pub tuple: Tuple,
    /// The addresses of RTCP, when it is not multiplexed with RTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtcp_tuple: Option<Tuple>,
}
