//! The latest packets of a stream: what its consumers may have to send again.

use std::collections::VecDeque;
use std::time::Duration;

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::consume::byte_ring::ByteRing;
use crate::tick::batch::PacketFacts;
use crate::tick::time::Time;

mod places;

use places::Places;

/// The latest packets of a received stream, kept once for all its consumers: what a receiver lost,
/// and what of a key frame arrived before its first packet. Written by Receive, read by Forward and
/// Feedback.
///
/// Packets lie in the order of their sequence numbers, and are overwritten in the order of their
/// arrival. Their RTP timestamps say nothing here: those of pictures in coding order rise and fall,
/// and a sender may set its clock (RFC 3550 section 5.1).
#[derive(Component, Clone, Debug, Default)]
pub struct History {
    bytes: ByteRing,
    places: Places<Kept>,
    /// The numbers of packets in the order of their arrival, and when that was. One that lost its
    /// place to newer numbers goes when it comes to be the first.
    arrivals: VecDeque<(u64, Time)>,
}

crate::snapshot::state! { struct History { bytes, places, arrivals } }

/// A packet that is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    facts: PacketFacts,
    /// Where its bytes are.
    at: u64,
}

crate::snapshot::state! { struct Kept { facts, at } }

/// What becomes of a packet that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept.
    Kept,
    /// It is there already.
    Duplicate,
    /// It is longer than all that may be kept.
    Refused,
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// How long before the newest packet one may have arrived.
    pub age: Duration,
    /// The bytes that may be kept.
    pub bytes: usize,
}

/// This many sequence numbers lie between the oldest and the newest packet, both included. No
/// packet is as late as that: one that seems to be is of numbers that went round meanwhile.
const SPAN_MAX: u64 = 2_500;
/// This many packets that overtook the first one of a key frame are sent behind it.
pub const OVERTAKING_MAX: usize = 30;

impl History {
    /// Keeps a packet that arrived at `now`, unless it is there, and forgets what is too old then.
    pub fn keep(
        &mut self,
        facts: PacketFacts,
        packet: &[u8],
        now: Time,
        bounds: HistoryBounds,
    ) -> Keeping {
        self.forget_before(now, bounds.age);
        let number = self.places.extended(facts.header.sequence_number);
        if self.places.get(number).is_some() {
            return Keeping::Duplicate;
        }
        self.make_room(number);
        let oldest = self.oldest();
        let Some(at) = self.bytes.push(packet, oldest, bounds.bytes) else {
            return Keeping::Refused;
        };
        self.places.insert(number, Kept { facts, at });
        self.arrivals.push_back((number, now));
        Keeping::Kept
    }

    /// The packet with this sequence number, and its bytes.
    pub fn get(&self, number: u16) -> Option<(&PacketFacts, &[u8])> {
        let kept = self.places.get(self.places.extended(number))?;
        let header = &kept.facts.header;
        let len = header.payload_start + header.payload_len + u16::from(header.padding_len);
        Some((&kept.facts, self.bytes.get(kept.at, len.into())?))
    }

    /// The numbers of the newest packets that follow `number` and arrived before it, rising; at
    /// most [`OVERTAKING_MAX`].
    pub fn overtaking(&self, number: u16) -> SmallVec<[u16; OVERTAKING_MAX]> {
        let first = self.places.extended(number);
        let (Some(kept), Some((_, newest))) = (self.places.get(first), self.places.range()) else {
            return SmallVec::new();
        };
        let behind = kept.at;
        let overtook = |later: &u64| self.places.get(*later).is_some_and(|kept| kept.at < behind);
        let mut numbers: SmallVec<_> = (first + 1..=newest)
            .rev()
            .filter(overtook)
            .take(OVERTAKING_MAX)
            .map(|later| later as u16)
            .collect();
        numbers.reverse();
        numbers
    }

    /// The highest number that is kept.
    pub fn newest_number(&self) -> Option<u16> {
        self.places.range().map(|(_, newest)| newest as u16)
    }

    /// Forgets every packet and keeps the memory: the numbers begin anew.
    pub fn clear(&mut self) {
        self.places.clear();
        self.arrivals.clear();
    }

    /// It takes memory.
    pub fn is_used(&self) -> bool {
        self.places.is_used()
    }

    /// Forgets what arrived longer than `age` ago.
    fn forget_before(&mut self, now: Time, age: Duration) {
        while let Some(&(number, arrived)) = self.arrivals.front()
            && now - arrived > age
        {
            self.arrivals.pop_front();
            self.places.forget(number);
        }
    }

    /// Forgets what a packet of this number leaves too far behind.
    fn make_room(&mut self, number: u64) {
        while let Some((oldest, newest)) = self.places.range() {
            if newest.saturating_sub(number) >= SPAN_MAX {
                self.clear();
            } else if number.saturating_sub(oldest) >= SPAN_MAX {
                self.places.forget(oldest);
            } else {
                return;
            }
        }
    }

    /// Where the bytes begin of what arrived first of all that is kept.
    fn oldest(&mut self) -> Option<u64> {
        while let Some((number, _)) = self.arrivals.front() {
            if let Some(kept) = self.places.get(*number) {
                return Some(kept.at);
            }
            self.arrivals.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtp::RtpHeader;
    use Keeping::{Duplicate, Kept, Refused};

    pub(super) const BOUNDS: HistoryBounds = HistoryBounds {
        age: Duration::from_secs(2),
        bytes: 1 << 20,
    };

    /// Its RTP timestamp is anything.
    pub(super) fn packet(number: u16) -> Vec<u8> {
        let timestamp = u32::from(number).wrapping_mul(2_654_435_761);
        let mut packet = vec![0x80, 96];
        packet.extend(number.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend(timestamp.to_le_bytes());
        packet
    }

    fn facts(packet: &[u8]) -> PacketFacts {
        PacketFacts {
            header: RtpHeader::parse(packet).unwrap(),
            payload_type: 96,
            key_frame: false,
            descriptor: Default::default(),
        }
    }

    pub(super) fn keep(history: &mut History, number: u16, ms: u64) -> Keeping {
        let packet = packet(number);
        history.keep(facts(&packet), &packet, Time::from_millis(ms), BOUNDS)
    }

    /// Numbers from the oldest to the newest, with what of them is kept.
    pub(super) fn kept(history: &History) -> Vec<u16> {
        let (oldest, newest) = history.places.range().unwrap_or((1, 0));
        let kept = (oldest..=newest).filter(|&number| history.places.get(number).is_some());
        kept.map(|number| number as u16).collect()
    }

    /// Rows: number, milliseconds, what becomes of it, what is kept after it.
    fn check(rows: &[(u16, u64, Keeping, &[u16])]) {
        let mut history = History::default();
        for &(number, ms, keeping, after) in rows {
            let row = format!("{number} at {ms} ms");
            assert_eq!(keep(&mut history, number, ms), keeping, "{row}");
            assert_eq!(kept(&history), after, "{row}");
        }
    }

    #[test]
    fn what_follows_in_order_is_kept_across_a_wrap() {
        check(&[
            (65_534, 0, Kept, &[65_534]),
            (65_535, 0, Kept, &[65_534, 65_535]),
            (1, 1, Kept, &[65_534, 65_535, 1]),
            (0, 1, Kept, &[65_534, 65_535, 0, 1]),
            (1, 1, Duplicate, &[65_534, 65_535, 0, 1]),
            (65_535, 2, Duplicate, &[65_534, 65_535, 0, 1]),
        ]);
    }

    #[test]
    fn what_arrived_more_than_two_seconds_ago_is_forgotten() {
        check(&[
            (10, 0, Kept, &[10]),
            (11, 1, Kept, &[10, 11]),
            (14, 2_000, Kept, &[10, 11, 14]),
            (15, 2_001, Kept, &[11, 14, 15]),
            // The empty places behind the oldest go with it.
            (16, 2_002, Kept, &[14, 15, 16]),
            (17, 9_000, Kept, &[17]),
        ]);
    }

    #[test]
    fn what_came_late_is_as_old_as_its_arrival() {
        check(&[
            (10, 0, Kept, &[10]),
            (13, 1, Kept, &[10, 13]),
            (8, 1_000, Kept, &[8, 10, 13]),
            (12, 1_500, Kept, &[8, 10, 12, 13]),
            // The newest number goes first, and one that follows has its place all the same.
            (11, 3_000, Kept, &[8, 11, 12]),
            (14, 3_000, Kept, &[8, 11, 12, 14]),
            (15, 3_001, Kept, &[11, 12, 14, 15]),
        ]);
    }

    #[test]
    fn no_more_than_2500_numbers_are_spanned() {
        check(&[
            (0, 0, Kept, &[0]),
            (1, 0, Kept, &[0, 1]),
            (2_499, 0, Kept, &[0, 1, 2_499]),
            (2_500, 0, Kept, &[1, 2_499, 2_500]),
            (2_498, 0, Kept, &[1, 2_498, 2_499, 2_500]),
            (5_400, 0, Kept, &[5_400]),
            (2_901, 0, Kept, &[2_901, 5_400]),
        ]);
    }

    #[test]
    fn what_seems_too_late_went_round() {
        check(&[
            (40_000, 0, Kept, &[40_000]),
            (39_000, 0, Kept, &[39_000, 40_000]),
            (37_500, 0, Kept, &[37_500]),
            (37_501, 0, Kept, &[37_500, 37_501]),
        ]);
    }

    #[test]
    fn clearing_keeps_the_memory_and_nothing_else() {
        let mut history = History::default();
        assert!(!history.is_used());
        keep(&mut history, 10, 0);
        keep(&mut history, 12, 0);
        history.clear();
        assert!(history.is_used() && history.get(10).is_none());
        assert_eq!(keep(&mut history, 12, 0), Kept);
        assert_eq!(kept(&history), [12]);
    }

    #[test]
    fn what_overtook_a_packet_is_known_by_the_order_of_arrival() {
        let mut history = History::default();
        for number in [8, 11, 12, 14, 10, 13] {
            keep(&mut history, number, 0);
        }
        assert_eq!(history.overtaking(10)[..], [11, 12, 14]);
        assert_eq!(history.overtaking(13)[..], [14]);
        assert!(history.overtaking(14).is_empty() && history.overtaking(9).is_empty());
        for number in 15..100 {
            keep(&mut history, number, 0);
        }
        keep(&mut history, 9, 0);
        let newest: Vec<u16> = (70..100).collect();
        assert_eq!(history.overtaking(9)[..], newest);
    }

    #[test]
    fn the_bytes_that_are_kept_are_bounded() {
        let mut history = History::default();
        let bounds = HistoryBounds {
            bytes: 10_000,
            ..BOUNDS
        };
        let mut keep = |packet: &[u8]| history.keep(facts(packet), packet, Time::ZERO, bounds);
        for number in 0..1_000 {
            let mut packet = packet(number);
            packet.resize(1_000, number as u8);
            assert_eq!(keep(&packet), Kept);
        }
        let huge = [packet(1_000), vec![0; 9_000]].concat();
        assert_eq!(keep(&huge), Refused);
        // The largest power of two below is 8,192: eight packets of 1,000 bytes.
        let found = (0..1_000).filter(|&number| history.get(number).is_some());
        assert_eq!(found.collect::<Vec<_>>(), (992..1_000).collect::<Vec<_>>());
        assert_eq!(history.get(995).unwrap().1[999], 995_u16 as u8);
    }

    #[test]
    fn what_came_first_is_kept_although_an_older_number_came_after_it() {
        let mut history = History::default();
        for number in [10, 9].into_iter().chain(11..100) {
            let mut packet = packet(number);
            packet.resize(1_000, 0);
            history.keep(facts(&packet), &packet, Time::ZERO, BOUNDS);
        }
        assert!((9..100).all(|number| history.get(number).is_some()));
    }
}
