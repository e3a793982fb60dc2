//! What reached the engine of what peers sent, and in which order.

use std::collections::{BTreeMap, VecDeque};

use crate::sending::Packet;

/// What is known of the packets that peers sent, by the SSRC that they were first sent with.
///
/// A packet came in its turn when it overtook none of its stream and none overtook it; by which way, and
/// how late, is all the same. What was sent to the engine by others is not known here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Supply {
    sources: BTreeMap<u32, Source>,
    arrivals: u64,
}

/// Which packet of which stream is meant: a frame, and one of its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) ssrc: u32,
    pub(crate) place: Place,
}

type Place = (u32, u8);

/// The newest packets of a stream, as its sender made them.
#[derive(Clone, Debug, Default)]
struct Source {
    travels: VecDeque<Travel>,
}

/// A packet, and how it reached the engine.
#[derive(Clone, Copy, Debug)]
struct Travel {
    packet: Packet,
    /// How many packets had reached the engine when it first did.
    first: Option<u64>,
    times: u64,
}

/// Packets of a stream that are known: what waits anywhere is among them.
const KNOWN: usize = 1 << 13;

impl Supply {
    /// A peer sends a packet, perhaps again.
    pub(crate) fn send(&mut self, packet: Packet) {
        let travels = &mut self.sources.entry(packet.ssrc).or_default().travels;
        if travels.back().is_some_and(|it| place(it) >= of(&packet)) {
            return;
        }
        if travels.len() >= KNOWN {
            travels.pop_front();
        }
        travels.push_back(Travel {
            packet,
            first: None,
            times: 0,
        });
    }

    /// A peer sends anything under an SSRC.
    pub(super) fn knows(&self, ssrc: u32) -> bool {
        self.sources.contains_key(&ssrc)
    }

    /// It reaches the engine.
    pub(crate) fn arrive(&mut self, packet: Packet) {
        self.arrivals += 1;
        let source = self.sources.entry(packet.ssrc).or_default();
        if let Some(index) = source.find(of(&packet)) {
            let travel = &mut source.travels[index];
            travel.first.get_or_insert(self.arrivals);
            travel.times += 1;
        }
    }

    fn find(&self, origin: Origin) -> Option<(&VecDeque<Travel>, usize)> {
        let source = self.sources.get(&origin.ssrc)?;
        Some((&source.travels, source.find(origin.place)?))
    }

    /// How often a packet reached the engine; none when it is not known.
    pub(super) fn times(&self, origin: Origin) -> Option<u64> {
        self.find(origin).map(|(travels, at)| travels[at].times)
    }

    /// How many packets between two of a stream, or behind one of a stream that another takes the place
    /// of, are lost or were out of turn: overtaken by one that follows them, or before the first of the
    /// two. None when these are not known.
    pub(super) fn missed(&self, from: Origin, to: Origin) -> Option<u64> {
        let (travels, start) = self.find(from)?;
        let (of_to, end) = self.find(to)?;
        if from.ssrc != to.ssrc {
            let behind = travels.range(start + 1..);
            let newest = behind.clone().rposition(|it| it.first.is_some());
            let known = behind.take(newest.map_or(0, |at| at + 1));
            return Some(out_of_turn(known, [None, Some(u64::MAX)]));
        }
        let between = travels.range(start + 1..end.max(start + 1));
        Some(out_of_turn(
            between,
            [travels[start].first, of_to[end].first],
        ))
    }

    /// All packets of a frame of its stream were there when a later packet first came, and none of them
    /// had overtaken the beginning of its key frame.
    pub(super) fn was_whole(&self, frame: u32, later: Origin) -> bool {
        let Some((travels, later)) = self.find(later) else {
            return false;
        };
        let (start, packets) = packets_of(travels, frame);
        let count = travels.get(start).map(|it| usize::from(it.packet.count));
        let in_time = entrance(travels, start)..travels[later].first;
        let came = packets.filter(|it| it.first.is_some() && in_time.contains(&it.first));
        count == Some(came.count())
    }

    /// The beginning of the key frame that a frame needs was there when anything of that first came.
    pub(super) fn was_readable(&self, origin: Origin) -> bool {
        self.find(origin).is_some_and(|(travels, at)| {
            let (begun, (_, packets)) =
                (entrance(travels, at), packets_of(travels, origin.place.0));
            let came = packets.filter_map(|it| it.first).min();
            begun.is_some() && begun <= came
        })
    }

    /// A packet came, overtook none of its stream, and none overtook it.
    pub(super) fn came_in_turn(&self, origin: Origin) -> bool {
        let Some((travels, at)) = self.find(origin) else {
            return false;
        };
        let came = |it: &Travel| it.first;
        let mut before = travels.range(..at).filter_map(came);
        let mut behind = travels.range(at + 1..).filter_map(came);
        let of_it = travels[at].first;
        of_it.is_some_and(|of_it| before.all(|it| it < of_it) && behind.all(|it| it > of_it))
    }
}

impl Source {
    fn find(&self, of: Place) -> Option<usize> {
        self.travels.binary_search_by_key(&of, place).ok()
    }
}

/// How many of these packets are lost, were overtaken by one that follows them, or did not come between
/// two arrivals.
fn out_of_turn<'a>(
    packets: impl DoubleEndedIterator<Item = &'a Travel>,
    [earlier, mut later]: [Option<u64>; 2],
) -> u64 {
    let is_out = |it: &&Travel| {
        let is_out = it.first <= earlier || it.first > later;
        later = it.first.map_or(later, |at| later.min(Some(at)));
        is_out || it.first.is_none()
    };
    packets.rev().filter(is_out).count() as u64
}

/// The packets of a frame, and where they begin.
fn packets_of(travels: &VecDeque<Travel>, frame: u32) -> (usize, impl Iterator<Item = &Travel>) {
    let start = travels.partition_point(|it| it.packet.frame < frame);
    let packets = travels.range(start..);
    (
        start,
        packets.take_while(move |it| it.packet.frame == frame),
    )
}

/// When the beginning of the key frame came that a packet needs.
fn entrance(travels: &VecDeque<Travel>, at: usize) -> Option<u64> {
    let mut before = travels.range(..=at).rev();
    before.find(|it| it.packet.is_entrance)?.first
}

fn of(packet: &Packet) -> Place {
    (packet.frame, packet.index)
}

fn place(travel: &Travel) -> Place {
    of(&travel.packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSRC: u32 = 5;

    fn packet((frame, index): Place) -> Packet {
        Packet {
            ssrc: SSRC,
            frame,
            index,
            count: 2,
            is_entrance: (frame, index) == (1, 0),
        }
    }

    fn origin(place: Place) -> Origin {
        Origin { ssrc: SSRC, place }
    }

    /// Three frames of two packets each are sent, of which these reach the engine.
    fn supply(arrivals: &[Place]) -> Supply {
        let mut supply = Supply::default();
        for frame in 1..4 {
            supply.send(packet((frame, 0)));
            supply.send(packet((frame, 1)));
        }
        for place in arrivals {
            supply.arrive(packet(*place));
        }
        supply
    }

    #[test]
    fn what_is_lost_or_late_between_two_packets_is_missed() {
        let missed = |arrivals: &[Place]| {
            let [from, to] = [(1, 1), (3, 0)].map(origin);
            supply(arrivals).missed(from, to)
        };
        assert_eq!(missed(&[(1, 1), (2, 0), (2, 1), (3, 0)]), Some(0));
        assert_eq!(missed(&[(1, 1), (2, 0), (3, 0)]), Some(1));
        assert_eq!(missed(&[(2, 0), (1, 1), (3, 0), (2, 1)]), Some(2));
        assert_eq!(missed(&[(1, 1), (2, 1), (2, 0), (3, 0)]), Some(1));
        assert_eq!(supply(&[]).missed(origin((1, 1)), origin((9, 0))), None);
    }

    #[test]
    fn a_frame_is_whole_when_all_of_it_came_before() {
        let whole = |arrivals: &[Place]| supply(arrivals).was_whole(2, origin((3, 0)));
        assert!(whole(&[(2, 1), (2, 0), (3, 0)]));
        assert!(!whole(&[(2, 0), (3, 0), (2, 1)]));
        assert!(!whole(&[(2, 0), (3, 0)]));
    }

    #[test]
    fn a_packet_that_overtakes_and_one_that_is_overtaken_are_out_of_turn() {
        let supply = supply(&[(1, 0), (2, 0), (1, 1), (1, 0), (2, 1)]);
        let in_turn = |place| supply.came_in_turn(origin(place));
        assert!(in_turn((1, 0)) && in_turn((2, 1)));
        assert!(!in_turn((2, 0)) && !in_turn((1, 1)) && !in_turn((3, 0)));
        assert_eq!(supply.times(origin((1, 0))), Some(2));
    }

    #[test]
    fn what_comes_before_the_templates_cannot_be_read() {
        let readable = |arrivals: &[Place]| supply(arrivals).was_readable(origin((2, 0)));
        assert!(readable(&[(1, 0), (2, 0)]));
        assert!(!readable(&[(2, 0), (1, 0)]));
        assert!(!readable(&[(2, 0)]));
        assert!(
            !readable(&[(2, 1), (1, 0), (2, 0)]),
            "its frame began before"
        );
    }
}
