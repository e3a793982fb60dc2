//! Which stream the packets of a consumer came from.

use bevy_ecs::entity::Entity;

use crate::wire::sequence::is_higher_u16;

/// How many streams back it is remembered which numbers came from which.
const REMEMBERED: usize = 8;
/// Packets after which a run is said to begin later than it did: half a round of sequence numbers
/// further on, its beginning would seem to be ahead. Nothing that old is sent again or comes late.
const FAR: u16 = 1 << 14;
const NEAR: u16 = 1 << 13;

/// Packets that were taken from one stream without a break, and what was added to what they carry
/// so that it goes on from the run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The stream.
    pub(crate) stream: Entity,
    /// The position of its encoding in the producer's parameters.
    pub(crate) encoding: u8,
    /// The number of its first packet, counted on through all runs.
    pub(crate) first: u16,
    /// What is added to its sequence numbers for that.
    pub(crate) sequence: u16,
    /// What is added to its RTP timestamps.
    pub(crate) timestamp: u32,
    /// What is added to its TL0PICIDX.
    pub(crate) tl0_index: u8,
    /// What is added to its KEYIDX (5 bits).
    pub(crate) key_index: u8,
    /// What is added to its picture ids or frame numbers where they are not compressed.
    pub(crate) frame: u16,
    /// Where the next run begins.
    pub(crate) end: Option<Start>,
}

crate::snapshot::state! {
    struct Run {
        stream, encoding, first, sequence, timestamp, tl0_index, key_index, frame, end
    }
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The number of its first frame, counted on through all runs.
    pub(crate) frame: u16,
    /// The timestamp of that, as it is sent.
    pub(crate) timestamp: u32,
    /// And its TL0PICIDX.
    pub(crate) tl0_index: Option<u8>,
}

crate::snapshot::state! { struct Start { frame, timestamp, tl0_index } }

/// The latest runs of a consumer. Numbers go on from run to run, so that one map from outgoing
/// numbers serves them all.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    latest: [Option<Run>; REMEMBERED],
    /// Where the newest one is.
    at: usize,
}

crate::snapshot::state! { struct Runs { latest, at } }

impl Runs {
    pub(super) fn newest(&self) -> Option<&Run> {
        self.latest[self.at].as_ref()
    }

    /// Adds a run that begins there.
    pub(super) fn push(&mut self, run: Run, start: Start) {
        if let Some(before) = &mut self.latest[self.at] {
            before.end = Some(start);
        }
        self.at = (self.at + 1) % REMEMBERED;
        self.latest[self.at] = Some(run);
    }

    /// The newest run has come as far as `number`, counted on through all runs.
    pub(super) fn reach(&mut self, number: u16) {
        let Some(run) = &mut self.latest[self.at] else {
            return;
        };
        let since = number.wrapping_sub(run.first);
        if (FAR..1 << 15).contains(&since) {
            run.first = number.wrapping_sub(NEAR);
            let newest = *run;
            self.clear();
            self.latest[self.at] = Some(newest);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The run that the packet `number` is of, counted on through all runs.
    pub(super) fn of(&self, number: u16) -> Option<&Run> {
        self.rising_back()
            .find(|run| !is_higher_u16(run.first, number))
    }

    /// The run of `stream` that is over and has its packet `number`, and that packet's number, counted
    /// on through all runs.
    pub(super) fn past(&self, stream: Entity, number: u16) -> Option<(&Run, u16)> {
        let mut end = self.newest()?.first;
        for run in self.rising_back().skip(1) {
            let counted = number.wrapping_add(run.sequence);
            let is_in = !is_higher_u16(run.first, counted) && is_higher_u16(end, counted);
            if run.stream == stream && is_in {
                return Some((run, counted));
            }
            end = run.first;
        }
        None
    }

    /// The latest run of `stream`, and the number behind its last packet: `next`, when it is the
    /// newest of all.
    pub(super) fn latest_of(&self, stream: Entity, next: u16) -> Option<(&Run, u16)> {
        let mut end = next;
        for run in self.rising_back() {
            if run.stream == stream {
                return Some((run, end));
            }
            end = run.first;
        }
        None
    }

    /// All of them, the newest first.
    fn rising_back(&self) -> impl Iterator<Item = &Run> {
        (0..REMEMBERED)
            .map(|back| (self.at + REMEMBERED - back) % REMEMBERED)
            .map_while(|at| self.latest[at].as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Start = Start {
        frame: 0,
        timestamp: 0,
        tl0_index: None,
    };

    fn run(encoding: u8, first: u16) -> Run {
        Run {
            stream: Entity::from_raw_u32(encoding.into()).expect("an index"),
            encoding,
            first,
            sequence: 0,
            timestamp: 0,
            tl0_index: 0,
            key_index: 0,
            frame: 0,
            end: None,
        }
    }

    #[test]
    fn a_number_is_of_the_run_that_began_last_before_it() {
        let mut runs = Runs::default();
        assert!(runs.of(7).is_none() && runs.newest().is_none());
        for (encoding, first) in [(0, 65_000), (1, 65_100), (2, 20)] {
            runs.push(run(encoding, first), START);
        }
        let rows = [
            (64_999, None),
            (65_000, Some(0)),
            (65_099, Some(0)),
            (65_100, Some(1)),
            (65_535, Some(1)),
            (19, Some(1)),
            (20, Some(2)),
            (2_000, Some(2)),
        ];
        for (number, encoding) in rows {
            let found = runs.of(number).map(|run| run.encoding);
            assert_eq!(found, encoding, "{number}");
        }
        let (found, end) = runs.latest_of(run(1, 0).stream, 90).expect("it was there");
        assert_eq!((found.first, end), (65_100, 20));
        let (found, end) = runs.latest_of(run(2, 0).stream, 90).expect("it goes on");
        assert_eq!((found.first, end), (20, 90));
        // Numbers that a run had, before it and behind it.
        for (encoding, number, is_past) in [
            (1, 65_100, true),
            (1, 19, true),
            (1, 65_099, false),
            (1, 20, false),
            (2, 20, false),
        ] {
            let found = runs.past(run(encoding, 0).stream, number);
            assert_eq!(found.is_some(), is_past, "{number} of {encoding}");
        }
    }

    #[test]
    fn the_oldest_runs_are_forgotten() {
        let mut runs = Runs::default();
        for index in 0..20 {
            runs.push(run(index, u16::from(index) * 10), START);
        }
        assert_eq!(runs.newest().map(|run| run.encoding), Some(19));
        assert_eq!(runs.of(125).map(|run| run.encoding), Some(12));
        assert!(runs.of(115).is_none());
    }
}
