//! What a consumer sends again.

use std::time::Duration;

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::consume::allowance::Allowance;
use crate::tick::time::Time;

/// What a consumer that negotiated NACK (RFC 4585) sends again: a sparse record, no entry for any
/// packet that arrived at once. Written by Feedback.
#[derive(Component, Clone, Debug)]
pub struct Retransmission {
    rtx: Option<Rtx>,
    /// By rising number.
    resent: Vec<Resent>,
    /// The millisecond in which as many as may be were found to be sent again within a round trip:
    /// a flood of requests must not look for the oldest of them each time.
    full_at: Option<u32>,
    /// Requests looked at.
    pub looked_at: Allowance,
    /// Negative acknowledgements received.
    pub nack_count: u64,
    /// Packets asked for in them.
    pub nack_packet_count: u64,
    /// Packets sent again.
    pub packets: u64,
    /// Packets sent again for the first time.
    pub repaired: u64,
    /// Requests that went beyond what is looked at in a tick, sent again within a round trip or
    /// spent of the path on that, or that SRTP forbids: without RTX.
    pub refused: u64,
}

crate::snapshot::state! {
    struct Retransmission {
        rtx, resent, full_at, looked_at, nack_count, nack_packet_count, packets, repaired, refused
    }
}

/// A stream of retransmissions (RFC 4588).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtx {
    /// Its SSRC.
    pub ssrc: u32,
    /// Payload types of media, and those of their retransmissions.
    pub payload_types: SmallVec<[(u8, u8); 2]>,
    /// The number of its latest packet.
    pub sequence: u16,
}

crate::snapshot::state! { struct Rtx { ssrc, payload_types, sequence } }

/// A packet that was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resent {
    /// Its outgoing number.
    number: u16,
    /// When, in milliseconds. Wraps after seven weeks: who then asks again waits a round trip more.
    at: u32,
    /// It was asked for then, and may come yet: it was not sent again.
    is_awaited: bool,
}

crate::snapshot::state! { struct Resent { number, at, is_awaited } }

/// How soon packets are sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spacing {
    /// The round-trip time (zero: not known).
    pub round_trip: Duration,
    /// Packets that were overtaken come within about this time: who asks for one that may be among
    /// these gets it when it asks once more.
    pub overtaking: Duration,
}

/// Whether a packet is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// For the first time.
    First,
    /// Once more: it was lost again.
    Again,
    /// No: the last one may still arrive.
    TooSoon,
    /// No: as many as may be were sent again within a round trip.
    Refused,
}

/// The round-trip time before one is measured.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A receiver tells the round-trip time itself, so it gets no packet more often than this.
const SPACING_MIN: Duration = Duration::from_millis(10);
/// After this long a number means another packet.
const MEMORY: Duration = Duration::from_secs(10);

impl Retransmission {
    /// A consumer that sends again in the stream `rtx`, or without one the same packet.
    pub fn new(rtx: Option<Rtx>) -> Self {
        Self {
            rtx,
            resent: Vec::new(),
            full_at: None,
            looked_at: Allowance::default(),
            nack_count: 0,
            nack_packet_count: 0,
            packets: 0,
            repaired: 0,
            refused: 0,
        }
    }

    /// Whether packet `number` is sent again at `now`; if so that is recorded. `limit` is how many
    /// packets are within a round trip.
    pub fn permit(&mut self, number: u16, now: Time, spacing: Spacing, limit: usize) -> Permit {
        let overtaking = spacing.overtaking;
        let spacing = match spacing.round_trip {
            Duration::ZERO => DEFAULT_ROUND_TRIP,
            round_trip => round_trip.max(SPACING_MIN),
        };
        let at = now.as_millis() as u32;
        let age = |resent: &Resent| Duration::from_millis(at.wrapping_sub(resent.at).into());
        let position = self
            .resent
            .binary_search_by_key(&number, |resent| resent.number);
        let mut vacant = match position {
            Err(vacant) => vacant,
            Ok(known) => {
                let resent = &mut self.resent[known];
                let age = age(resent);
                let least = if resent.is_awaited {
                    overtaking
                } else {
                    spacing
                };
                if age < least {
                    return Permit::TooSoon;
                }
                resent.at = at;
                let is_first = std::mem::take(&mut resent.is_awaited) || age >= MEMORY;
                return if is_first {
                    Permit::First
                } else {
                    Permit::Again
                };
            }
        };
        if self.resent.len() >= limit {
            if self.full_at == Some(at) {
                return Permit::Refused;
            }
            let oldest = (0..self.resent.len()).max_by_key(|&index| age(&self.resent[index]));
            let Some(oldest) = oldest.filter(|&oldest| age(&self.resent[oldest]) >= spacing) else {
                self.full_at = Some(at);
                return Permit::Refused;
            };
            self.resent.remove(oldest);
            vacant -= usize::from(oldest < vacant);
        }
        let is_awaited = !overtaking.is_zero();
        self.resent.insert(
            vacant,
            Resent {
                number,
                at,
                is_awaited,
            },
        );
        match is_awaited {
            true => Permit::TooSoon,
            false => Permit::First,
        }
    }

    /// The SSRC of retransmissions, when they have a stream of their own.
    pub fn rtx_ssrc(&self) -> Option<u32> {
        self.rtx.as_ref().map(|rtx| rtx.ssrc)
    }

    /// SSRC, payload type and number of the next retransmission of a packet of `payload_type`;
    /// none when it is sent again as it was.
    pub fn next_rtx(&mut self, payload_type: u8) -> Option<(u32, u8, u16)> {
        let rtx = self.rtx.as_mut()?;
        let found = rtx
            .payload_types
            .iter()
            .find(|(media, _)| *media == payload_type);
        let &(_, payload_type) = found?;
        rtx.sequence = rtx.sequence.wrapping_add(1);
        Some((rtx.ssrc, payload_type, rtx.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permit::{Again, First, Refused, TooSoon};

    const ROUND_TRIP: Duration = Duration::from_millis(50);

    /// Rows: milliseconds, number, answer.
    fn check(limit: usize, round_trip: Duration, rows: &[(u64, u16, Permit)]) {
        let spacing = Spacing {
            round_trip,
            overtaking: Duration::ZERO,
        };
        check_with(limit, spacing, rows);
    }

    fn check_with(limit: usize, spacing: Spacing, rows: &[(u64, u16, Permit)]) {
        let mut retransmission = Retransmission::new(None);
        for &(at, number, expected) in rows {
            let now = Time::from_millis(at);
            let permit = retransmission.permit(number, now, spacing, limit);
            assert_eq!(permit, expected, "{number} at {at} ms");
        }
    }

    #[test]
    fn a_packet_is_sent_again_once_a_round_trip() {
        let rows = [
            (0, 7, First),
            (49, 7, TooSoon),
            (50, 7, Again),
            (99, 7, TooSoon),
            (100, 7, Again),
        ];
        check(9, ROUND_TRIP, &rows);
        check(
            9,
            Duration::ZERO,
            &[(0, 7, First), (99, 7, TooSoon), (100, 7, Again)],
        );
        let implausible = Duration::from_micros(15);
        check(
            9,
            implausible,
            &[(0, 7, First), (9, 7, TooSoon), (10, 7, Again)],
        );
    }

    #[test]
    fn who_asks_for_what_may_have_been_overtaken_gets_it_when_it_asks_once_more() {
        let spacing = Spacing {
            round_trip: ROUND_TRIP,
            overtaking: Duration::from_millis(80),
        };
        let rows = [
            (0, 7, TooSoon),
            (79, 7, TooSoon),
            (80, 7, First),
            (129, 7, TooSoon),
            (130, 7, Again),
            // Another packet by then.
            (10_200, 9, TooSoon),
            (10_290, 9, First),
        ];
        check_with(9, spacing, &rows);
    }

    #[test]
    fn no_more_packets_than_the_limit_are_sent_again_in_a_round_trip() {
        let rows = [
            (0, 5, First),
            (10, 3, First),
            (20, 9, Refused),
            (49, 9, Refused),
            (50, 9, First),
            (51, 4, Refused),
            (60, 4, First),
            (99, 9, TooSoon),
            (100, 9, Again),
            // What was forgotten for others counts as the first time again.
            (150, 5, First),
        ];
        check(2, ROUND_TRIP, &rows);
    }

    #[test]
    fn after_ten_seconds_a_number_means_another_packet() {
        check(
            9,
            ROUND_TRIP,
            &[(0, 7, First), (9_999, 7, Again), (19_999, 7, First)],
        );
    }

    #[test]
    fn retransmissions_are_numbered_one_by_one() {
        let mut retransmission = Retransmission::new(Some(Rtx {
            ssrc: 9,
            payload_types: [(96, 97), (98, 99)].into_iter().collect(),
            sequence: 65_535,
        }));
        assert_eq!(retransmission.next_rtx(96), Some((9, 97, 0)));
        assert_eq!(retransmission.next_rtx(100), None);
        assert_eq!(retransmission.next_rtx(98), Some((9, 99, 1)));
        assert_eq!(Retransmission::new(None).next_rtx(96), None);
    }
}
