//! The latest packets of a stream: what its consumers may have to send again.

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::consume::byte_ring::ByteRing;
use crate::tick::batch::PacketFacts;
use crate::wire::rtp::RtpHeader;
use crate::wire::sequence::is_higher_u32;

mod places;

use places::Places;

/// The latest packets of a received stream, kept once for all its consumers: what a receiver lost,
/// and what of a key frame arrived before its first packet. Written by Receive, read by Forward and
/// Feedback.
///
/// Packets lie in the order of their sequence numbers, and their RTP timestamps never fall; what
/// would break that is not kept. Bytes are overwritten in the order of their arrival.
#[derive(Component, Clone, Debug, Default)]
pub struct History {
    bytes: ByteRing,
    places: Places<Kept>,
}

/// A packet that is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    facts: PacketFacts,
    /// Where its bytes are.
    at: u64,
}

/// What becomes of a packet that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept.
    Kept,
    /// It is there already.
    Duplicate,
    /// It is too old, or its timestamp does not go with its sequence number.
    Refused,
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How much older than the newest packet one may be, in units of the RTP clock.
    pub age: u32,
    /// The bytes that may be kept.
    pub bytes: usize,
}

/// This many sequence numbers lie between the oldest and the newest packet, both included.
const SPAN_MAX: u64 = 2_500;
/// This many packets that overtook the first one of a key frame are sent behind it.
pub const OVERTAKING_MAX: usize = 30;

impl History {
    /// Keeps a packet, if its number and timestamp have a place among those that are kept.
    pub fn keep(&mut self, facts: PacketFacts, packet: &[u8], bounds: Bounds) -> Keeping {
        let number = match self.admit(&facts.header, bounds) {
            Ok(number) => number,
            Err(keeping) => return keeping,
        };
        let oldest = self
            .places
            .range()
            .and_then(|(oldest, _)| self.places.get(oldest));
        let oldest = oldest.map(|kept| kept.at);
        let Some(at) = self.bytes.push(packet, oldest, bounds.bytes) else {
            return Keeping::Refused;
        };
        self.places.insert(number, Kept { facts, at });
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

    /// Forgets every packet and keeps the memory: the numbers begin anew.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// It takes memory.
    pub fn is_used(&self) -> bool {
        self.places.is_used()
    }

    /// The extended number of a packet that may be kept, after what is too old is forgotten.
    fn admit(&mut self, header: &RtpHeader, bounds: Bounds) -> Result<u64, Keeping> {
        let timestamp = header.timestamp;
        let number = self.places.extended(header.sequence_number);
        let Some(newest) = self.newest() else {
            return Ok(number);
        };
        let newest_timestamp = newest.facts.header.timestamp;
        let is_older = self
            .places
            .range()
            .is_some_and(|(_, newest)| number < newest);
        if is_older && is_higher_u32(timestamp, newest_timestamp) {
            // The sender's clock and its numbers disagree: nothing before is of use.
            self.clear();
            return Ok(number);
        }
        let now = match is_higher_u32(timestamp, newest_timestamp) {
            true => timestamp,
            false => newest_timestamp,
        };
        self.forget_before(now, bounds.age);
        let Some((oldest, newest)) = self.places.range() else {
            return Ok(number);
        };
        let fits = if number > newest {
            self.append(number, timestamp, newest_timestamp)
        } else if number < oldest {
            self.may_prepend(number, timestamp, now, bounds.age)
        } else if self.places.get(number).is_some() {
            return Err(Keeping::Duplicate);
        } else {
            self.fits_between(number, timestamp)
        };
        fits.then_some(number).ok_or(Keeping::Refused)
    }

    /// Makes room at the newer end.
    fn append(&mut self, number: u64, timestamp: u32, newest_timestamp: u32) -> bool {
        if is_higher_u32(newest_timestamp, timestamp) {
            return false;
        }
        while self
            .places
            .range()
            .is_some_and(|(oldest, _)| number - oldest >= SPAN_MAX)
        {
            self.places.forget_first();
        }
        true
    }

    fn may_prepend(&self, number: u64, timestamp: u32, now: u32, age: u32) -> bool {
        let Some((oldest, newest)) = self.places.range() else {
            return true;
        };
        let oldest = self
            .places
            .get(oldest)
            .map(|kept| kept.facts.header.timestamp);
        now.wrapping_sub(timestamp) <= age
            && !oldest.is_some_and(|oldest| is_higher_u32(timestamp, oldest))
            && newest - number < SPAN_MAX
    }

    /// The timestamp is not lower than that of the packet before, nor higher than that of the one
    /// after.
    fn fits_between(&self, number: u64, timestamp: u32) -> bool {
        let Some((oldest, newest)) = self.places.range() else {
            return true;
        };
        let before = (oldest..number)
            .rev()
            .find_map(|number| self.places.get(number));
        let after = (number + 1..=newest).find_map(|number| self.places.get(number));
        let falls =
            before.is_some_and(|kept| is_higher_u32(kept.facts.header.timestamp, timestamp));
        let rises = after.is_some_and(|kept| is_higher_u32(timestamp, kept.facts.header.timestamp));
        !falls && !rises
    }

    fn forget_before(&mut self, now: u32, age: u32) {
        while let Some((oldest, _)) = self.places.range()
            && let Some(kept) = self.places.get(oldest)
            && now.wrapping_sub(kept.facts.header.timestamp) > age
        {
            self.places.forget_first();
        }
    }

    fn newest(&self) -> Option<&Kept> {
        self.places.get(self.places.range()?.1)
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use super::*;
    use Keeping::{Duplicate, Kept, Refused};

    /// 90 kHz: two seconds are 180,000 units.
    pub(super) const BOUNDS: Bounds = Bounds {
        age: 180_000,
        bytes: 1 << 20,
    };

    pub(super) fn packet(number: u16, timestamp: u32) -> Vec<u8> {
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

    pub(super) fn keep(history: &mut History, number: u16, timestamp: u32) -> Keeping {
        let packet = packet(number, timestamp);
        history.keep(facts(&packet), &packet, BOUNDS)
    }

    /// Numbers from the oldest to the newest, with what of them is kept.
    pub(super) fn kept(history: &History) -> Vec<u16> {
        let (oldest, newest) = history.places.range().unwrap_or((1, 0));
        let kept = (oldest..=newest).filter(|&number| history.places.get(number).is_some());
        kept.map(|number| number as u16).collect()
    }

    /// Rows: number, timestamp, what becomes of it, what is kept after it.
    fn check(rows: &[(u16, u32, Keeping, &[u16])]) {
        let mut history = History::default();
        for &(number, timestamp, keeping, after) in rows {
            let row = format!("{number} at {timestamp}");
            assert_eq!(keep(&mut history, number, timestamp), keeping, "{row}");
            assert_eq!(kept(&history), after, "{row}");
        }
    }

    #[test]
    fn what_follows_in_order_is_kept_across_a_wrap() {
        check(&[
            (65_534, 3_000, Kept, &[65_534]),
            (65_535, 3_000, Kept, &[65_534, 65_535]),
            (1, 6_000, Kept, &[65_534, 65_535, 1]),
            (0, 6_000, Kept, &[65_534, 65_535, 0, 1]),
            (1, 6_000, Duplicate, &[65_534, 65_535, 0, 1]),
            (65_535, 3_000, Duplicate, &[65_534, 65_535, 0, 1]),
        ]);
    }

    #[test]
    fn an_older_number_with_a_newer_timestamp_forgets_everything() {
        check(&[
            (10, 3_000, Kept, &[10]),
            (11, 3_000, Kept, &[10, 11]),
            (9, 6_000, Kept, &[9]),
            (10, 3_000, Refused, &[9]),
        ]);
    }

    #[test]
    fn what_is_older_than_two_seconds_is_forgotten() {
        check(&[
            (10, 0, Kept, &[10]),
            (11, 1, Kept, &[10, 11]),
            (14, 180_000, Kept, &[10, 11, 14]),
            (15, 180_001, Kept, &[11, 14, 15]),
            // The empty places behind the oldest go with it.
            (16, 180_002, Kept, &[14, 15, 16]),
            (13, 1, Refused, &[14, 15, 16]),
            (17, 500_000, Kept, &[17]),
        ]);
    }

    #[test]
    fn a_newer_number_with_an_older_timestamp_is_refused() {
        check(&[
            (10, 3_000, Kept, &[10]),
            (11, 2_999, Refused, &[10]),
            (11, 3_000, Kept, &[10, 11]),
        ]);
    }

    #[test]
    fn what_is_older_than_the_oldest_has_an_older_timestamp() {
        check(&[
            (100, 200_000, Kept, &[100]),
            (99, 200_000, Kept, &[99, 100]),
            (97, 199_999, Kept, &[97, 99, 100]),
            (96, 200_000, Refused, &[97, 99, 100]),
            (96, 19_999, Refused, &[97, 99, 100]),
            (96, 20_000, Kept, &[96, 97, 99, 100]),
        ]);
    }

    #[test]
    fn what_is_between_has_a_timestamp_between() {
        check(&[
            (10, 3_000, Kept, &[10]),
            (15, 6_000, Kept, &[10, 15]),
            (12, 2_999, Refused, &[10, 15]),
            (12, 4_000, Kept, &[10, 12, 15]),
            (11, 4_001, Refused, &[10, 12, 15]),
            (11, 4_000, Kept, &[10, 11, 12, 15]),
            (14, 3_999, Refused, &[10, 11, 12, 15]),
            (14, 6_000, Kept, &[10, 11, 12, 14, 15]),
        ]);
    }

    #[test]
    fn no_more_than_2500_numbers_are_spanned() {
        check(&[
            (0, 10, Kept, &[0]),
            (1, 10, Kept, &[0, 1]),
            (2_499, 10, Kept, &[0, 1, 2_499]),
            (2_500, 10, Kept, &[1, 2_499, 2_500]),
            // There would be 2,501.
            (0, 10, Refused, &[1, 2_499, 2_500]),
            (5_400, 10, Kept, &[5_400]),
        ]);
    }

    #[test]
    fn a_jump_far_back_leaves_what_is_there() {
        check(&[
            (40_000, 10, Kept, &[40_000]),
            (10_000, 10, Refused, &[40_000]),
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
        let bounds = Bounds {
            bytes: 10_000,
            ..BOUNDS
        };
        for number in 0..1_000 {
            let mut packet = packet(number, 0);
            packet.resize(1_000, number as u8);
            assert_eq!(history.keep(facts(&packet), &packet, bounds), Kept);
        }
        // The largest power of two below is 8,192: eight packets of 1,000 bytes.
        let found = (0..1_000).filter(|&number| history.get(number).is_some());
        assert_eq!(found.collect::<Vec<_>>(), (992..1_000).collect::<Vec<_>>());
        assert_eq!(history.get(995).unwrap().1[999], 995_u16 as u8);
        let huge = [packet(1_000, 0), vec![0; 9_000]].concat();
        assert_eq!(history.keep(facts(&huge), &huge, bounds), Refused);
    }
}
