//! A consumer, dumped.

use serde::Serialize;

use super::RtpStreamDump;
use crate::application::id::{ConsumerId, ProducerId};
use crate::application::trace::TraceType;
use crate::consume::layering::ConsumerLayers;
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
    /// How it shares bandwidth with others of its transport: 1 to 255.
    pub priority: u8,
    /// The stream that it sends.
    pub rtp_stream: RtpStreamDump,
    /// What only consumers of layered producers have.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub layers: Option<LayersDump>,
}

/// The layers of a consumer: wished for, to be got, and got. Without one, -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayersDump {
    /// The highest spatial layer wished for.
    pub preferred_spatial_layer: i16,
    /// The spatial layer to be got.
    pub target_spatial_layer: i16,
    /// The spatial layer that it gets.
    pub current_spatial_layer: i16,
    /// The highest temporal layer wished for.
    pub preferred_temporal_layer: i16,
    /// The temporal layer to be got.
    pub target_temporal_layer: i16,
    /// The temporal layer that it gets.
    pub current_temporal_layer: i16,
}

impl LayersDump {
    /// The layers of a consumer.
    pub fn new(
        preferred: ConsumerLayers,
        target: Option<ConsumerLayers>,
        current: Option<ConsumerLayers>,
    ) -> Self {
        let spatial = |layers: Option<ConsumerLayers>| {
            layers.map_or(-1, |layers| layers.spatial_layer.into())
        };
        let temporal = |layers: Option<ConsumerLayers>| {
            layers.map_or(-1, |layers| layers.temporal_layer.into())
        };
        Self {
            preferred_spatial_layer: preferred.spatial_layer.into(),
            target_spatial_layer: spatial(target),
            current_spatial_layer: spatial(current),
            preferred_temporal_layer: preferred.temporal_layer.into(),
            target_temporal_layer: temporal(target),
            current_temporal_layer: temporal(current),
        }
    }
}
