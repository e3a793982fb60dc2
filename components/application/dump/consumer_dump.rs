//! A consumer, dumped.

use serde::Serialize;

use super::RtpStreamDump;
use crate::application::id::{ConsumerId, ProducerId};
use crate::application::trace::TraceType;
use crate::rtp_parameters::{MediaKind, ProducerType, RtpEncodingParameters, RtpParameters};

/// A consumer: what it was made with, and what it sends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerDump {
    /// The consumer.
    pub id: ConsumerId,
    /// The producer it consumes.
    pub producer_id: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Simple, simulcast or SVC: that of its producer.
    #[serde(rename = "type")]
    pub type_: ProducerType,
    /// What it sends.
    pub rtp_parameters: RtpParameters,
    /// The encodings that its producer has for consumers.
    pub consumable_rtp_encodings: Vec<RtpEncodingParameters>,
    /// The payload types that are forwarded.
    pub supported_codec_payload_types: Vec<u8>,
    /// What is traced on it.
    pub trace_event_types: Vec<TraceType>,
    /// Its owner paused it.
    pub paused: bool,
    /// Its producer is paused.
    pub producer_paused: bool,
    /// 1: all consumers of a transport are alike.
    pub priority: u8,
    /// The stream that it sends.
    pub rtp_stream: RtpStreamDump,
}
