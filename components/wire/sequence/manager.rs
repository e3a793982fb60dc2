//! Gapless renumbering of what is forwarded.

use super::counter::{add, higher, subtract, truncate};
use super::dropped::Dropped;
use crate::state::{Malformed, Reader, State, Writer};

/// Renumbers a counter so that what was dropped leaves no gap, and tells which number became which.
///
/// One for each counter of each forwarded stream: RTP sequence numbers (`BITS` 16), picture ids of
/// VP8 and VP9 (15), TL0PICIDX (8). `sync` starts a new run behind the last output, `drop` notes a
/// number that will not be forwarded, `input` gives the outgoing number of one that is.
///
/// Memory: a bit for each of the latest [`WINDOW`](super::WINDOW) numbers, or for as many as the
/// counter has, once something was dropped; what was dropped before them is counted and forgotten.
/// What is not newer than the last one forgotten has no right number any more and is refused, until
/// the counter has come half round and its number means a new one.
#[derive(Clone, Debug)]
pub struct SequenceManager<const BITS: u32> {
    started: bool,
    /// What is added to an input that no remembered drop precedes.
    base: u16,
    pub(super) max_output: u16,
    pub(super) max_input: u16,
    pub(super) max_forwarded: u16,
    pub(super) max_dropped: u16,
    /// None is newer than `max_input`.
    pub(super) dropped: Dropped<BITS>,
    /// Those that were dropped when their gap had been seen.
    pub(super) unfilled: Dropped<BITS>,
    /// The newest number that cannot be given out any more: forgotten because it left the window,
    /// or before the current run.
    horizon: Option<u16>,
    initial_output: u16,
}

impl<C, const BITS: u32> State<C> for SequenceManager<BITS> {
    fn save(&self, out: &mut Writer<C>) {
        self.started.save(out);
        for number in [
            self.base,
            self.max_output,
            self.max_input,
            self.max_forwarded,
            self.max_dropped,
            self.initial_output,
        ] {
            number.save(out);
        }
        self.dropped.save(out);
        self.unfilled.save(out);
        self.horizon.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        Ok(Self {
            started: State::load(from)?,
            base: State::load(from)?,
            max_output: State::load(from)?,
            max_input: State::load(from)?,
            max_forwarded: State::load(from)?,
            max_dropped: State::load(from)?,
            initial_output: State::load(from)?,
            dropped: State::load(from)?,
            unfilled: State::load(from)?,
            horizon: State::load(from)?,
        })
    }
}

impl<const BITS: u32> SequenceManager<BITS> {
    /// A manager whose outputs are shifted by `initial_output` (an offset a peer cannot guess).
    pub fn new(initial_output: u16) -> Self {
        const { assert!(BITS >= 1 && BITS <= 16, "a counter fits a u16") };
        Self {
            started: false,
            base: 0,
            max_output: 0,
            max_input: 0,
            max_forwarded: 0,
            max_dropped: 0,
            dropped: Dropped::default(),
            unfilled: Dropped::default(),
            horizon: None,
            initial_output: truncate::<BITS>(initial_output),
        }
    }

    /// Begins a new run: `input + 1` will follow the highest output so far.
    pub fn sync(&mut self, input: u16) {
        let input = truncate::<BITS>(input);
        self.base = subtract::<BITS>(self.max_output, input);
        self.max_input = input;
        self.dropped.clear();
        self.unfilled.clear();
        self.horizon = None;
    }

    /// Begins a new run like [`sync`](Self::sync), and refuses what belongs before it from then on:
    /// its numbers went to the run before, or would leave a gap before the first run.
    pub fn restart(&mut self, input: u16) {
        self.sync(input);
        self.horizon = Some(truncate::<BITS>(input));
    }

    /// Notes that `input` is not forwarded, so that its successors close the gap.
    ///
    /// When a number that follows it was forwarded already its gap has been seen, and stays:
    /// [`is_unfilled`](Self::is_unfilled).
    pub fn drop(&mut self, input: u16) {
        let input = truncate::<BITS>(input);
        if higher::<BITS>(input, self.max_input) {
            self.advance_to(input);
            self.max_dropped = input;
        } else if self.max_input != self.max_dropped || !higher::<BITS>(input, self.max_forwarded) {
            if self.distance(input) < Dropped::<BITS>::SIZE {
                self.unfilled.insert(input);
            }
            return;
        }
        if self.distance(input) < Dropped::<BITS>::SIZE {
            self.dropped.insert(input);
        } else if !self.is_behind_horizon(input) {
            self.forget(1, input);
        }
    }

    /// The outgoing number of `input`; `None` when it was dropped or is too old to be numbered.
    pub fn input(&mut self, input: u16) -> Option<u16> {
        let input = truncate::<BITS>(input);
        let remembers = self.horizon.is_some() || self.dropped.count() > 0;
        if higher::<BITS>(input, self.max_input) {
            self.advance_to(input);
            if self.started && remembers {
                // A run may begin below what was forwarded before it.
                self.max_forwarded = input;
            }
        } else if !(self.started || remembers) {
            self.max_input = input;
        }
        if self.is_behind_horizon(input) || self.dropped.contains(input) {
            return None;
        }
        self.unfilled.take(input, 1);
        let output = self.output_of(input);
        if !self.started || higher::<BITS>(input, self.max_forwarded) {
            self.max_forwarded = input;
        }
        if !self.started || higher::<BITS>(output, self.max_output) {
            self.max_output = output;
        }
        self.started = true;
        Some(add::<BITS>(output, self.initial_output))
    }

    /// The input that was given `output` in the current run, if it was forwarded at all; `None`
    /// when there is none, or it is too old to be known.
    pub fn input_of(&self, output: u16) -> Option<u16> {
        let output = subtract::<BITS>(truncate::<BITS>(output), self.initial_output);
        let end = add::<BITS>(self.max_input, 1);
        let next = subtract::<BITS>(add::<BITS>(end, self.base), self.dropped.count());
        let back = subtract::<BITS>(next, output);
        if !self.started || back == 0 {
            return None;
        }
        let input = truncate::<BITS>(self.dropped.kept_before(end, back)?);
        (!self.is_behind_horizon(input)).then_some(input)
    }

    /// `input` has left a gap and is not forwarded: it came when what follows it was.
    pub fn is_unfilled(&self, input: u16) -> bool {
        let input = truncate::<BITS>(input);
        self.distance(input) < Dropped::<BITS>::SIZE && self.unfilled.contains(input)
    }

    /// Nothing as new as `input` was seen so far.
    pub fn is_news(&self, input: u16) -> bool {
        !self.started || higher::<BITS>(truncate::<BITS>(input), self.max_input)
    }

    /// The highest number given out so far, shifted by the initial output as they all are.
    pub fn max_output(&self) -> u16 {
        add::<BITS>(self.max_output, self.initial_output)
    }

    /// The highest number seen so far, dropped ones included.
    pub fn max_input(&self) -> u16 {
        self.max_input
    }

    /// How far `input` is behind the newest.
    pub(super) fn distance(&self, input: u16) -> usize {
        subtract::<BITS>(self.max_input, input).into()
    }

    fn is_behind_horizon(&self, input: u16) -> bool {
        self.horizon
            .is_some_and(|horizon| !higher::<BITS>(input, horizon))
    }

    /// The outgoing number of `input`, unshifted. That which nothing dropped follows, as a rule.
    fn output_of(&self, input: u16) -> u16 {
        let following = self.dropped.count_in(input, self.distance(input) + 1);
        let preceding = self.dropped.count() - following;
        subtract::<BITS>(add::<BITS>(input, self.base), preceding)
    }

    /// Makes `input` the newest, and forgets what leaves the window or comes after `input` now,
    /// half round the counter.
    #[inline]
    fn advance_to(&mut self, input: u16) {
        let before = std::mem::replace(&mut self.max_input, input);
        if self.unfilled.count() > 0 {
            let count = subtract::<BITS>(input, before);
            self.unfilled.take(add::<BITS>(before, 1), count.into());
        }
        if self.dropped.count() > 0 {
            self.forget_between(before, input);
        }
        self.horizon = self
            .horizon
            .filter(|&horizon| !higher::<BITS>(horizon, input));
    }

    /// Forgets what leaves the window as the newest goes from `before` to `input`.
    fn forget_between(&mut self, before: u16, input: u16) {
        let size = Dropped::<BITS>::SIZE;
        let entering = add::<BITS>(before, 1);
        let count = subtract::<BITS>(input, before);
        if let Some((forgotten, last)) = self.dropped.take(entering, count.into()) {
            let last = add::<BITS>(entering, last);
            self.forget(forgotten, subtract::<BITS>(last, size as u16));
        }
        if size == 1 << BITS {
            self.forget_old();
        }
    }

    /// Forgets what, after half a turn of the counter, is not behind the newest any more.
    fn forget_old(&mut self) {
        let half = 1 << (BITS - 1);
        let opposite = add::<BITS>(self.max_input, half);
        // Of the number just opposite, the order is that of the two as they are.
        let ahead = half - 1 + u16::from(higher::<BITS>(opposite, self.max_input));
        let first = add::<BITS>(self.max_input, 1);
        if let Some((forgotten, _)) = self.dropped.take(first, ahead.into()) {
            self.base = subtract::<BITS>(self.base, forgotten);
        }
    }

    /// Counts what is remembered no longer, the newest of which is `last`.
    fn forget(&mut self, count: u16, last: u16) {
        self.base = subtract::<BITS>(self.base, count);
        self.horizon = Some(last);
    }
}

#[cfg(test)]
mod tests {
    use super::super::WINDOW;
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Sync(u16),
        Drop(u16),
        Restart(u16),
        /// An input and the output it must give.
        Input(u16, Option<u16>),
    }
    use Step::{Drop, Input, Restart, Sync};

    fn check<const BITS: u32>(initial_output: u16, steps: &[Step]) {
        let mut manager = SequenceManager::<BITS>::new(initial_output);
        for (index, &step) in steps.iter().enumerate() {
            match step {
                Sync(input) => manager.sync(input),
                Drop(input) => manager.drop(input),
                Restart(input) => manager.restart(input),
                Input(input, output) => {
                    assert_eq!(manager.input(input), output, "step {index}: {step:?}");
                }
            }
        }
    }

    #[test]
    fn a_dropped_number_leaves_no_gap() {
        check::<16>(
            0,
            &[
                Input(10, Some(10)),
                Drop(11),
                Input(12, Some(11)),
                Drop(13),
                Drop(14),
                Input(16, Some(13)),
                // Reordered: between the drops, so only the first one precedes it.
                Input(11, None),
                Input(15, Some(12)),
                Input(9, Some(9)),
            ],
        );
    }

    #[test]
    fn sync_continues_behind_the_highest_output() {
        check::<16>(
            0,
            &[
                Sync(999),
                Input(1000, Some(1)),
                Input(1001, Some(2)),
                Drop(1002),
                Sync(49),
                Input(50, Some(3)),
                Sync(65535),
                Input(0, Some(4)),
                // A gap that is nobody's drop stays one.
                Input(3, Some(7)),
            ],
        );
    }

    #[test]
    fn what_belongs_before_a_run_is_refused() {
        check::<16>(
            0,
            &[
                Restart(99),
                Input(100, Some(1)),
                Input(99, None),
                Restart(109),
                Input(110, Some(2)),
                Input(109, None),
                Input(108, None),
                Input(111, Some(3)),
            ],
        );
    }

    #[test]
    fn the_start_of_a_run_is_forgotten_when_the_numbers_come_round() {
        let mut manager = SequenceManager::<8>::new(0);
        manager.input(0);
        manager.restart(9);
        for turn in 10..1_000_u16 {
            let expected = truncate::<8>(turn - 9);
            assert_eq!(manager.input(turn), Some(expected), "turn {turn}");
        }
    }

    #[test]
    fn drops_wrap() {
        check::<8>(
            0,
            &[
                Input(253, Some(253)),
                Drop(254),
                Input(255, Some(254)),
                Drop(0),
                Input(1, Some(255)),
                Input(2, Some(0)),
                // Half the space later, the drops are folded into the base.
                Input(128, Some(126)),
                Input(200, Some(198)),
                Input(254, Some(252)),
            ],
        );
    }

    #[test]
    fn a_late_drop_counts_only_while_nothing_newer_was_forwarded() {
        check::<16>(
            0,
            &[
                Input(1, Some(1)),
                Drop(4),
                // 3 is late, but nothing after it was forwarded.
                Drop(3),
                Input(5, Some(3)),
                // 2 is older than the forwarded 5, which left room for it.
                Drop(2),
                Input(6, Some(4)),
                Input(2, Some(2)),
            ],
        );
    }

    #[test]
    fn a_number_that_is_dropped_when_its_gap_was_seen_is_known_for_it() {
        let mut manager = SequenceManager::<16>::new(0);
        for input in [65_530, 65_533, 65_534] {
            manager.input(input);
        }
        manager.drop(65_531);
        manager.drop(65_535);
        let unfilled = |manager: &SequenceManager<16>| {
            let known = |&input: &u16| manager.is_unfilled(input);
            [65_530, 65_531, 65_532, 65_535].iter().position(known)
        };
        assert_eq!(unfilled(&manager), Some(1));
        // Of the numbers that share its place, none is taken for it.
        manager.input(65_531_u16.wrapping_add(WINDOW as u16));
        assert!(!manager.is_unfilled(65_531_u16.wrapping_add(WINDOW as u16)));
        assert_eq!(unfilled(&manager), None);
        // Who is forwarded nevertheless has filled it.
        manager.input(8_000);
        manager.drop(7_999);
        assert!(manager.is_unfilled(7_999) && manager.input(7_999).is_some());
        assert!(!manager.is_unfilled(7_999));
        manager.drop(7_998);
        manager.sync(8_000);
        assert!(!manager.is_unfilled(7_998));
    }

    #[test]
    fn the_initial_output_shifts_everything() {
        check::<15>(
            32767,
            &[
                Sync(99),
                Input(100, Some(0)),
                Drop(101),
                Input(102, Some(1)),
            ],
        );
        let mut manager = SequenceManager::<16>::new(1000);
        manager.input(70);
        assert_eq!((manager.max_input(), manager.max_output()), (70, 1070));
    }

    #[test]
    fn the_memory_of_drops_is_bounded_and_numbers_stay_contiguous() {
        let mut manager = SequenceManager::<16>::new(0);
        let mut expected = 0;
        for turn in 0..100_000_u32 {
            let input = turn as u16;
            if turn % 3 == 0 {
                assert_eq!(manager.input(input), Some(expected), "turn {turn}");
                expected = expected.wrapping_add(1);
            } else {
                manager.drop(input);
            }
            assert!(usize::from(manager.dropped.count()) <= WINDOW);
        }
        // 1499 back is as late as a packet can be; beyond the horizon there is no right number.
        let newest = 99_999_u32;
        assert_eq!(
            manager.input((newest - 1500) as u16),
            Some(expected.wrapping_sub(501))
        );
        assert_eq!(manager.input((newest - 6000) as u16), None);
    }

    #[test]
    fn a_jump_beyond_the_window_forgets_all_of_it() {
        check::<16>(
            0,
            &[
                Input(1, Some(1)),
                Drop(2),
                Drop(3),
                Input(10_000, Some(9_998)),
                Input(3, None),
                Input(2, None),
                Input(4, Some(2)),
                Input(10_001, Some(9_999)),
            ],
        );
    }
}
