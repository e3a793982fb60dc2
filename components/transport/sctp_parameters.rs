//! What an SCTP association of a transport is made with, and what its peer is told.

use bevy_ecs::component::Component;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::tick::limits::Limits;

/// Sizes of a transport's SCTP association, with the names of the JavaScript API. What is not given
/// is as large as the engine's limits allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SctpOptions {
    /// Longest message to send, in bytes. Default 262,144.
    pub max_send_message_size: Option<u32>,
    /// Longest message to receive, in bytes. Default 262,144.
    pub max_receive_message_size: Option<u32>,
    /// Bytes that may wait to be acknowledged, on all streams; at most, and by default,
    /// [`Limits::sctp_send_buffer_bytes`].
    pub sctp_send_buffer_size: Option<u32>,
    /// The same on one stream; at most, and by default, [`Limits::sctp_stream_queue_bytes`].
    pub sctp_per_stream_send_queue_limit: Option<u32>,
    /// Bytes that the peer may have under way; at most, and by default,
    /// [`Limits::sctp_receive_window_bytes`].
    pub sctp_max_receiver_window_buffer_size: Option<u32>,
}

/// The SCTP parameters of a transport: to be told to its peer.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SctpParameters {
    /// The SCTP port of both ends.
    pub port: u16,
    /// Outgoing streams that are announced.
    #[serde(rename = "OS")]
    pub outgoing_streams: u16,
    /// Incoming streams that are announced.
    #[serde(rename = "MIS")]
    pub incoming_streams: u16,
    /// Longest message that the peer may send, in bytes: what clients call it.
    pub max_message_size: u32,
    /// Longest message that is sent, in bytes.
    pub max_send_message_size: u32,
    /// Longest message that the peer may send, in bytes.
    pub max_receive_message_size: u32,
    /// Bytes that may wait to be acknowledged, on all streams.
    pub send_buffer_size: u32,
    /// Bytes that may wait to be acknowledged on one stream.
    pub per_stream_send_queue_limit: u32,
    /// Bytes that the peer may have under way.
    pub max_receiver_window_buffer_size: u32,
    /// Streams are those of data channels over DTLS: never on plain transports.
    pub is_data_channel: bool,
}

crate::snapshot::state! {
    struct SctpParameters {
        port, outgoing_streams, incoming_streams, max_message_size, max_send_message_size,
        max_receive_message_size, send_buffer_size, per_stream_send_queue_limit,
        max_receiver_window_buffer_size, is_data_channel
    }
}

/// A size that an association cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctpOptionsError {
    /// Nothing would get through.
    #[error("{0} is 0")]
    Zero(&'static str),
    /// The engine's limits allow less.
    #[error("{name} is {value}, more than the {max} that the engine allows")]
    AboveLimit {
        /// The option, as in the JavaScript API.
        name: &'static str,
        /// Its value.
        value: u32,
        /// What the limit of the engine is.
        max: u32,
    },
}

/// Longest message in bytes when nothing else is asked for: what browsers take.
const MESSAGE_SIZE: u32 = 262_144;

impl SctpOptions {
    /// The parameters of an association with these options, within `limits`.
    ///
    /// # Errors
    ///
    /// See [`SctpOptionsError`].
    pub fn within(&self, limits: &Limits) -> Result<SctpParameters, SctpOptionsError> {
        let buffer = limits.sctp_send_buffer_bytes;
        let queue = limits.sctp_stream_queue_bytes;
        let window = limits.sctp_receive_window_bytes;
        let send = self.max_send_message_size;
        let receive = self.max_receive_message_size;
        let max_receive = choose("maxReceiveMessageSize", receive, MESSAGE_SIZE, u32::MAX)?;
        Ok(SctpParameters {
            port: 5_000,
            outgoing_streams: u16::MAX,
            incoming_streams: limits.sctp_inbound_streams,
            max_message_size: max_receive,
            max_send_message_size: choose("maxSendMessageSize", send, MESSAGE_SIZE, u32::MAX)?,
            max_receive_message_size: max_receive,
            send_buffer_size: choose(
                "sctpSendBufferSize",
                self.sctp_send_buffer_size,
                buffer,
                buffer,
            )?,
            per_stream_send_queue_limit: choose(
                "sctpPerStreamSendQueueLimit",
                self.sctp_per_stream_send_queue_limit,
                queue,
                queue,
            )?,
            max_receiver_window_buffer_size: choose(
                "sctpMaxReceiverWindowBufferSize",
                self.sctp_max_receiver_window_buffer_size,
                window,
                window,
            )?,
            is_data_channel: false,
        })
    }
}

fn choose(
    name: &'static str,
    asked: Option<u32>,
    default: u32,
    max: u32,
) -> Result<u32, SctpOptionsError> {
    match asked.unwrap_or(default) {
        0 => Err(SctpOptionsError::Zero(name)),
        value if value > max => Err(SctpOptionsError::AboveLimit { name, value, max }),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_what_the_limits_allow() {
        let limits = Limits {
            sctp_stream_queue_bytes: 7,
            ..Limits::default()
        };
        let parameters = SctpOptions::default().within(&limits).unwrap();
        assert_eq!(parameters.max_send_message_size, 262_144);
        assert_eq!(parameters.max_receive_message_size, 262_144);
        assert_eq!(parameters.send_buffer_size, 2_000_000);
        assert_eq!(parameters.per_stream_send_queue_limit, 7);
        assert_eq!(parameters.max_receiver_window_buffer_size, 5_242_880);
    }

    #[test]
    fn sizes_are_within_the_limits_or_refused_by_name() {
        let refused = |options: SctpOptions| options.within(&Limits::default()).unwrap_err();
        let none = SctpOptions::default();
        let zero = SctpOptions {
            max_send_message_size: Some(0),
            ..none
        };
        assert_eq!(refused(zero), SctpOptionsError::Zero("maxSendMessageSize"));
        let large = SctpOptions {
            sctp_send_buffer_size: Some(2_000_001),
            ..none
        };
        let above = SctpOptionsError::AboveLimit {
            name: "sctpSendBufferSize",
            value: 2_000_001,
            max: 2_000_000,
        };
        assert_eq!(refused(large), above);
        let exact = SctpOptions {
            sctp_send_buffer_size: Some(2_000_000),
            ..none
        };
        assert!(exact.within(&Limits::default()).is_ok());
    }
}
