//! The latest packets of a stream: what its consumers may have to send again.

use std::time::Duration;

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::consume::byte_log::{ByteLog, LogBounds, Spot};
use crate::consume::chain::Chain;
use crate::media::descriptor::Descriptor;
use crate::tick::batch::PacketFacts;
use crate::tick::time::Time;
use crate::wire::rtp::RtpHeader;

mod places;

use places::Places;

/// The latest packets of a received stream, kept once for all its consumers: what a receiver lost,
/// and what of a key frame arrived before its first packet. Written by Receive, read by Forward and
/// Feedback.
///
/// Packets lie in the order of their arrival, and are found by their sequence numbers. Their RTP
/// timestamps say nothing here: those of pictures in coding order rise and fall, and a sender may
/// set its clock (RFC 3550 section 5.1).
///
/// Memory is taken piece by piece: what is kept is never copied, however much comes.
#[derive(Component, Clone, Debug, Default)]
pub struct History {
    bytes: ByteLog,
    packets: Chain<Kept>,
    places: Places,
}

crate::snapshot::state! { struct History { bytes, packets, places } }

/// A packet that is kept. What its header says is read from its bytes when it is asked for.
#[derive(Clone, Copy, Debug)]
struct Kept {
    arrived: Time,
    spot: Spot,
    descriptor: Descriptor,
    number: u16,
    payload_type: u8,
    key_frame: bool,
    /// It lost its place to newer numbers.
    is_forgotten: bool,
}

crate::snapshot::state! {
    struct Kept { arrived, spot, descriptor, number, payload_type, key_frame, is_forgotten }
}

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
    /// The bytes by which its memory grows; at most a quarter of all.
    pub piece: usize,
}

/// This many sequence numbers lie between the oldest and the newest packet, both included. No
/// packet is as late as that: one that seems to be is of numbers that went round meanwhile.
const SPAN_MAX: u64 = 2_500;
/// This many packets that overtook the first one of a key frame are sent behind it, as long as nobody
/// asks for more.
pub const OVERTAKING_MAX: usize = 30;

impl History {
    /// Keeps a packet that arrived at `now`, unless it is there, and forgets what is too old then.
    /// The header among its facts is that of `packet`.
    pub fn keep(
        &mut self,
        facts: PacketFacts,
        packet: &[u8],
        now: Time,
        bounds: HistoryBounds,
    ) -> Keeping {
        self.forget_before(now, bounds.age);
        let number = self.places.extended(facts.header.sequence_number);
        if self.find(number).is_some() {
            return Keeping::Duplicate;
        }
        self.make_room(number);
        self.release();
        let Some(spot) = self.bytes.push(packet, bounds.of_log()) else {
            return Keeping::Refused;
        };
        let at = self.packets.push(Kept {
            arrived: now,
            spot,
            descriptor: facts.descriptor,
            number: facts.header.sequence_number,
            payload_type: facts.payload_type,
            key_frame: facts.key_frame,
            is_forgotten: false,
        });
        self.places.insert(number, at);
        Keeping::Kept
    }

    /// The packet with this sequence number, and its bytes.
    pub fn get(&self, number: u16) -> Option<(PacketFacts, &[u8])> {
        let kept = self.packets.get(self.find(self.places.extended(number))?)?;
        let bytes = self.bytes.get(kept.spot)?;
        let facts = PacketFacts {
            header: RtpHeader::parse(bytes).ok()?,
            payload_type: kept.payload_type,
            key_frame: kept.key_frame,
            descriptor: kept.descriptor,
        };
        Some((facts, bytes))
    }

    /// The numbers of the packets that follow `number` and arrived before it, rising.
    pub fn overtaking(&self, number: u16) -> SmallVec<[u16; OVERTAKING_MAX]> {
        let first = self.places.extended(number);
        let (Some(behind), Some((_, newest))) = (self.find(first), self.places.range()) else {
            return SmallVec::new();
        };
        let overtook = |later: &u64| self.find(*later).is_some_and(|at| at < behind);
        (first + 1..=newest)
            .filter(overtook)
            .map(|later| later as u16)
            .collect()
    }

    /// The highest number that is kept.
    pub fn newest_number(&self) -> Option<u16> {
        self.places.range().map(|(_, newest)| newest as u16)
    }

    /// Forgets every packet and keeps the memory: the numbers begin anew.
    pub fn clear(&mut self) {
        self.places.clear();
        self.packets.clear();
        self.bytes.clear();
    }

    /// It takes memory.
    pub fn is_used(&self) -> bool {
        self.bytes.is_used()
    }

    /// Where the packet with this number is among those that arrived.
    fn find(&self, number: u64) -> Option<u64> {
        let at = self.places.get(number, self.packets.numbers().start)?;
        let kept = self.packets.get(at)?;
        (kept.number == number as u16 && !kept.is_forgotten).then_some(at)
    }

    /// Forgets what arrived longer than `age` ago.
    fn forget_before(&mut self, now: Time, age: Duration) {
        while let Some(&Kept {
            arrived,
            number,
            is_forgotten,
            ..
        }) = self.packets.front()
            && now - arrived > age
        {
            self.packets.pop_front();
            if !is_forgotten {
                self.vacate(self.places.extended(number));
            }
        }
    }

    /// Forgets what a packet of this number leaves too far behind.
    fn make_room(&mut self, number: u64) {
        while let Some((oldest, newest)) = self.places.range() {
            if newest.saturating_sub(number) >= SPAN_MAX {
                self.clear();
            } else if number.saturating_sub(oldest) >= SPAN_MAX {
                self.forget(oldest);
            } else {
                return;
            }
        }
    }

    fn forget(&mut self, number: u64) {
        let at = self.find(number);
        if let Some(kept) = at.and_then(|at| self.packets.get_mut(at)) {
            kept.is_forgotten = true;
        }
        self.vacate(number);
    }

    /// The number is no longer that of a packet: where it was the first or the last one, another
    /// one is.
    fn vacate(&mut self, number: u64) {
        let Some((first, last)) = self.places.range() else {
            return;
        };
        let is_kept = |number: &u64| self.find(*number).is_some();
        let range = match number {
            _ if number == first => (first..=last).find(is_kept).map(|first| (first, last)),
            _ if number == last => (first..=last).rfind(is_kept).map(|last| (first, last)),
            _ => Some((first, last)),
        };
        self.places.narrow(range);
    }

    /// Memory of what came before the first packet that is kept can be used again.
    fn release(&mut self) {
        while self.packets.front().is_some_and(|kept| kept.is_forgotten) {
            self.packets.pop_front();
        }
        match self.packets.front() {
            Some(kept) => self.bytes.release_before(kept.spot),
            None => self.bytes.clear(),
        }
    }
}

impl HistoryBounds {
    fn of_log(self) -> LogBounds {
        LogBounds {
            piece: self.piece.min(self.bytes / 4),
            all: self.bytes,
        }
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
        piece: 12 << 10,
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
        let kept = (oldest..=newest).filter(|&number| history.find(number).is_some());
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
        let later: Vec<u16> = (10..100).collect();
        assert_eq!(history.overtaking(9)[..], later);
    }

    #[test]
    fn the_bytes_that_are_kept_are_bounded() {
        let mut history = History::default();
        let bounds = HistoryBounds {
            bytes: 10_000,
            ..BOUNDS
        };
        let keep = |history: &mut History, packet: &[u8]| {
            history.keep(facts(packet), packet, Time::ZERO, bounds)
        };
        for number in 0..1_000 {
            let mut packet = packet(number);
            packet.resize(1_000, number as u8);
            assert_eq!(keep(&mut history, &packet), Kept);
        }
        let huge = [packet(1_000), vec![0; 10_000]].concat();
        assert_eq!(keep(&mut history, &huge), Refused);
        // Four pieces of 2,500 bytes, with two packets of 1,000 in each.
        let found = (0..1_000).filter(|&number| history.get(number).is_some());
        assert_eq!(found.collect::<Vec<_>>(), (992..1_000).collect::<Vec<_>>());
        // What was overwritten is known to have been there.
        assert_eq!(keep(&mut history, &packet(900)), Duplicate);
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
