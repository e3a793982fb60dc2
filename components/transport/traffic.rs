//! What passed through a transport.

use bevy_ecs::component::Component;

use crate::media::flow::Flow;
use crate::tick::outbox::{Outgoing, OutgoingKind};
use crate::tick::time::Time;

/// What passed through a transport, in bytes and in bits a second. Written by Demux, Receive and
/// Flush.
#[derive(Component, Clone, Debug)]
pub struct Traffic {
    /// Datagrams received, whatever they held.
    pub received: Flow,
    /// RTP received by streams of producers.
    pub rtp_received: Flow,
    /// Datagrams sent.
    pub sent: Flow,
    /// RTP sent for the first time.
    pub rtp_sent: Flow,
    /// Retransmissions received (RFC 4588).
    pub rtx_received: Flow,
    /// RTP sent again.
    pub rtx_sent: Flow,
    /// RTP sent to try what the path carries.
    pub probation_sent: Flow,
}

crate::snapshot::state! {
    struct Traffic {
        received, rtp_received, sent, rtp_sent, rtx_received, rtx_sent, probation_sent
    }
}

/// The window of the rates of datagrams, in milliseconds.
const DATAGRAM_WINDOW_MS: u32 = 1_000;
/// The window of the rates of RTP, in milliseconds.
const RTP_WINDOW_MS: u32 = 2_500;
/// The window of the rates of retransmissions, in milliseconds.
const RTX_WINDOW_MS: u32 = 1_000;
/// The window of the rate of probation, in milliseconds.
const PROBATION_WINDOW_MS: u32 = 100;

impl Default for Traffic {
    fn default() -> Self {
        Self {
            received: Flow::over(DATAGRAM_WINDOW_MS),
            sent: Flow::over(DATAGRAM_WINDOW_MS),
            rtp_received: Flow::over(RTP_WINDOW_MS),
            rtp_sent: Flow::over(RTP_WINDOW_MS),
            rtx_received: Flow::over(RTX_WINDOW_MS),
            rtx_sent: Flow::over(RTX_WINDOW_MS),
            probation_sent: Flow::over(PROBATION_WINDOW_MS),
        }
    }
}

/// Bytes that left a transport at one time, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departure {
    /// Of all datagrams.
    pub bytes: u64,
    /// Of those that are RTP sent for the first time.
    pub rtp_bytes: u64,
    /// Of those that are RTP sent again.
    pub rtx_bytes: u64,
    /// Of those that are RTP sent to try what the path carries.
    pub probation_bytes: u64,
}

impl Departure {
    /// Adds a datagram of `bytes`, of which protection added `overhead`: that is no RTP.
    pub fn add(&mut self, kind: OutgoingKind, bytes: u64, overhead: u64) {
        self.bytes += bytes;
        let bytes = bytes - overhead;
        match kind {
            OutgoingKind::Control => {}
            OutgoingKind::Audio | OutgoingKind::Media => self.rtp_bytes += bytes,
            OutgoingKind::Retransmission => self.rtx_bytes += bytes,
            OutgoingKind::Padding => self.probation_bytes += bytes,
        }
    }

    /// What one datagram is.
    pub fn of_one(kind: OutgoingKind, bytes: u64, overhead: u64) -> Self {
        let mut departure = Self::default();
        departure.add(kind, bytes, overhead);
        departure
    }

    /// What `rows` are together.
    pub fn of(rows: &[Outgoing]) -> Self {
        let mut departure = Self::default();
        for row in rows {
            departure.add(row.kind, row.len().into(), row.overhead.into());
        }
        departure
    }
}

impl Traffic {
    /// Takes in what left at `now`.
    pub fn depart(&mut self, departure: Departure, now: Time) {
        self.sent.add(departure.bytes, now);
        self.rtp_sent.add(departure.rtp_bytes, now);
        self.rtx_sent.add(departure.rtx_bytes, now);
        self.probation_sent.add(departure.probation_bytes, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_told_apart() {
        let mut departure = Departure::default();
        departure.add(OutgoingKind::Media, 76, 16);
        departure.add(OutgoingKind::Audio, 40, 0);
        departure.add(OutgoingKind::Retransmission, 10, 0);
        departure.add(OutgoingKind::Padding, 1_000, 0);
        departure.add(OutgoingKind::Control, 1, 0);
        let expected = Departure {
            bytes: 1_127,
            rtp_bytes: 100,
            rtx_bytes: 10,
            probation_bytes: 1_000,
        };
        assert_eq!(departure, expected);
        let mut traffic = Traffic::default();
        traffic.depart(departure, Time::ZERO);
        traffic.depart(departure, Time::ZERO);
        let Traffic {
            sent,
            rtp_sent,
            rtx_sent,
            probation_sent,
            ..
        } = &traffic;
        assert_eq!([sent, rtp_sent].map(Flow::bytes), [2_254, 200]);
        assert_eq!([rtx_sent, probation_sent].map(Flow::bytes), [20, 2_000]);
        assert_eq!(
            (traffic.received.bytes(), traffic.rtp_received.bytes()),
            (0, 0)
        );
    }
}
