//! A producer, dumped.

use serde::Serialize;

use super::RtpStreamDump;
use crate::application::id::ProducerId;
use crate::application::trace::TraceType;
use crate::rtp_parameters::{MediaKind, ProducerType, RtpMapping, RtpParameters};

/// A producer: what it was made with, and the streams that have begun.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerDump {
    /// The producer.
    pub id: ProducerId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Simple, simulcast or SVC.
    #[serde(rename = "type")]
    pub type_: ProducerType,
    /// What it sends.
    pub rtp_parameters: RtpParameters,
    /// What its payload types and encodings are called in the router.
    pub rtp_mapping: RtpMapping,
    /// Its streams that have begun, in the order of its encodings.
    pub rtp_streams: Vec<RtpStreamDump>,
    /// What is traced on it.
    pub trace_event_types: Vec<TraceType>,
    /// It is paused.
    pub paused: bool,
}
