//! A transport, dumped.

use serde::Serialize;

use super::KeyValue;
use crate::application::id::{ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};
use crate::application::trace::TraceType;
use crate::transport::ice_candidate::IceCandidate;
use crate::transport::path::Tuple;
use crate::transport::sctp_parameters::SctpParameters;
use flumen_protocol::dtls::{Parameters as DtlsParameters, State as DtlsState};
use flumen_protocol::ice::State as IceState;
use flumen_protocol::sctp::State as SctpState;
use flumen_protocol::srtp::CryptoSuite;

/// A transport: who is on it, and how packets find them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportDump {
    /// The transport.
    pub id: TransportId,
    /// Its producers, in the order of their creation.
    pub producer_ids: Vec<ProducerId>,
    /// Its consumers, in the order of their creation.
    pub consumer_ids: Vec<ConsumerId>,
    /// Its consumers by the SSRC that they send with.
    pub map_ssrc_consumer_id: Vec<KeyValue<u32, ConsumerId>>,
    /// Its consumers by the SSRC of their retransmissions.
    pub map_rtx_ssrc_consumer_id: Vec<KeyValue<u32, ConsumerId>>,
    /// The identifiers of header extensions in packets received.
    pub recv_rtp_header_extensions: ReceivedExtensionIds,
    /// How packets received find their producer.
    pub rtp_listener: RtpListenerDump,
    /// The longest message towards data consumers, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_send_message_size: Option<usize>,
    /// The longest message towards data producers, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_receive_message_size: Option<usize>,
    /// Its data producers, in the order of their creation.
    pub data_producer_ids: Vec<DataProducerId>,
    /// Its data consumers, in the order of their creation.
    pub data_consumer_ids: Vec<DataConsumerId>,
    /// The parameters of its SCTP association, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_parameters: Option<SctpParameters>,
    /// The state of its SCTP association, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_state: Option<SctpState>,
    /// How messages received find their data producer, when it has an SCTP association.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_listener: Option<SctpListenerDump>,
    /// What is traced on it.
    pub trace_event_types: Vec<TraceType>,
    /// What only plain transports have.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub plain: Option<PlainTransportDump>,
    /// What only WebRTC transports have.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub webrtc: Option<WebRtcTransportDump>,
}

/// What only WebRTC transports have: everything but what must be told to the peer alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcTransportDump {
    /// Always "controlled": the peer nominates.
    pub ice_role: &'static str,
    /// How far the ICE agent is.
    pub ice_state: IceState,
    /// Where it is reached.
    pub ice_candidates: Vec<IceCandidate>,
    /// The addresses that are sent by, once there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ice_selected_tuple: Option<Tuple>,
    /// What its certificate is known by.
    pub dtls_parameters: DtlsParameters,
    /// How far the DTLS connection is.
    pub dtls_state: DtlsState,
}

/// What only plain transports have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainTransportDump {
    /// RTP and RTCP share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Remote addresses are learnt.
    pub comedia: bool,
    /// The addresses of RTP.
    pub tuple: Tuple,
    /// The addresses of RTCP, when it is not multiplexed with RTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtcp_tuple: Option<Tuple>,
    /// How it is protected, with SRTP. Its keys are in no dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srtp_crypto_suite: Option<CryptoSuite>,
}

/// The identifiers of header extensions that a transport itself reads; nothing for those that no
/// producer negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedExtensionIds {
    /// The MID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<u8>,
    /// The RID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<u8>,
    /// The repaired RID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rrid: Option<u8>,
    /// The absolute send time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abs_send_time: Option<u8>,
    /// The transport-wide sequence number.
    #[serde(rename = "transportWideCc01", skip_serializing_if = "Option::is_none")]
    pub transport_cc: Option<u8>,
}

/// The producers of a transport by what their packets carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpListenerDump {
    /// By SSRC: those of the parameters, and those that streams latched.
    pub ssrc_table: Vec<KeyValue<u32, ProducerId>>,
    /// By MID.
    pub mid_table: Vec<KeyValue<String, ProducerId>>,
    /// By RID, for packets without a MID.
    pub rid_table: Vec<KeyValue<String, ProducerId>>,
}

/// The data producers of a transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SctpListenerDump {
    /// By SCTP stream.
    pub stream_id_table: Vec<KeyValue<u16, DataProducerId>>,
}
