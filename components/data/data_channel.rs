//! Data channels that peers open themselves.

use serde::Serialize;

use crate::data::sctp_stream_parameters::SctpStreamParameters;
use crate::wire::dcep::{Open, Reliability};

/// A data channel that the peer of a WebRTC transport opened in-band (RFC 8832). `produce_data` takes
/// its stream parameters, to receive what comes; `consume_data` takes its stream identifier, to send
/// on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataChannel {
    /// The stream, in both directions, and how its messages are delivered.
    pub sctp_stream_parameters: SctpStreamParameters,
    /// The name of the channel.
    pub label: String,
    /// What is spoken on it.
    pub protocol: String,
}

impl DataChannel {
    /// The channel that a message on `stream` opens.
    pub fn new(stream: u16, open: &Open<'_>) -> Self {
        let bounded = |value: u32| Some(u16::try_from(value).unwrap_or(u16::MAX));
        let (life_time, retransmits) = match open.reliability {
            Reliability::Reliable => (None, None),
            Reliability::Lifetime(milliseconds) => (bounded(milliseconds), None),
            Reliability::Retransmits(times) => (None, bounded(times)),
        };
        Self {
            sctp_stream_parameters: SctpStreamParameters {
                stream_id: stream,
                // What is limited is not ordered here: the API knows no such channels.
                ordered: Some(open.ordered && open.reliability == Reliability::Reliable),
                max_packet_life_time: life_time,
                max_retransmits: retransmits,
            },
            label: open.label.into(),
            protocol: open.protocol.into(),
        }
    }
}
