//! What an association is made with.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Time;

/// Sizes and limits of an association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Longest message that may be sent, in bytes. Default 262,144.
    pub max_send_message_size: u32,
    /// Longest message that is taken in, in bytes; a longer one is dropped and told. Default
    /// 262,144.
    pub max_receive_message_size: u32,
    /// Bytes that may wait for the peer to acknowledge them, on all streams. A message is refused
    /// once so many wait. Default 2,000,000.
    pub send_buffer_size: u32,
    /// The same on one stream. Default 2,000,000.
    pub per_stream_send_queue_limit: u32,
    /// Messages that may wait, on all streams: the smallest of them cost more than their bytes.
    /// Default 16,384.
    pub send_queue_messages: u32,
    /// Bytes that the peer may have under way: the window that is announced. Default 5,242,880.
    pub receive_window: u32,
    /// Streams that are announced for sending. Default 65,535.
    pub outbound_streams: u16,
    /// Streams that a peer may send on; announced, and enforced. Each costs a search through all
    /// for every chunk that arrives. Default 1,024.
    pub inbound_streams: u16,
    /// Sequence numbers, of either direction, after which the library behind an association is
    /// begun anew, since its counters must not wrap; the peer sees a short pause. Default 2^30.
    pub renew_after: u32,
    /// Longest datagram, in bytes, SCTP header included. Default 1,191: with DTLS, UDP and IPv6
    /// in front it stays within the 1,280 bytes that every IPv6 link carries.
    pub mtu: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_send_message_size: 262_144,
            max_receive_message_size: 262_144,
            send_buffer_size: 2_000_000,
            per_stream_send_queue_limit: 2_000_000,
            send_queue_messages: 16_384,
            receive_window: 5_242_880,
            outbound_streams: 65_535,
            inbound_streams: 1_024,
            renew_after: 1 << 30,
            mtu: 1_191,
        }
    }
}

/// Where the engine's epoch lies for libraries that reckon in [`Instant`]s.
///
/// An `Instant` can only be had from the clock, so the engine reads it once, when it is built, and
/// every later one is this plus [`Time`]. Which moment it is changes nothing.
#[derive(Clone, Debug)]
pub struct Epoch {
    instant: Instant,
    /// The runtime that associations of one engine share.
    #[cfg(feature = "webrtc-sctp")]
    pub(super) shared: super::webrtc::Shared,
}

impl Epoch {
    /// The epoch at `instant`.
    pub fn new(instant: Instant) -> Self {
        Self {
            instant,
            #[cfg(feature = "webrtc-sctp")]
            shared: super::webrtc::Shared::default(),
        }
    }

    /// The instant of `time`.
    pub(super) fn at(&self, time: Time) -> Instant {
        self.instant + time.since(Time::ZERO)
    }

    /// The time of `instant`; zero before the epoch.
    pub(super) fn time(&self, instant: Instant) -> Time {
        Time::ZERO + instant.saturating_duration_since(self.instant)
    }
}
