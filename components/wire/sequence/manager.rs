//! Gapless renumbering of what is forwarded.

use std::collections::VecDeque;

use super::{is_higher, mask};

/// How many dropped numbers a [`SequenceManager`] remembers.
///
/// A receiver lets a packet arrive at most 1499 numbers late (the MAX_MISORDER habit of RFC 3550
/// appendix A.1, 1500 in mediasoup). At most that many dropped numbers lie between it and the
/// newest, so whatever can still arrive is numbered exactly.
pub const DROPPED_MAX: usize = 1500;

/// Renumbers a counter so that what was dropped leaves no gap.
///
/// One for each counter of each forwarded stream: RTP sequence numbers (`BITS` 16), picture ids of
/// VP8 and VP9 (15), TL0PICIDX (8). `sync` starts a new run behind the last output, `drop` notes a
/// number that will not be forwarded, `input` gives the outgoing number of one that is.
///
/// Memory: dropped numbers only, never forwarded ones; those older than half the space are
/// forgotten as the input advances, and beyond [`DROPPED_MAX`] the oldest goes first. What is not
/// newer than one that went that way has no right number any more and is refused.
#[derive(Clone, Debug)]
pub struct SequenceManager<const BITS: u32> {
    started: bool,
    /// What is added to an input that no remembered drop precedes.
    base: u16,
    max_output: u16,
    max_input: u16,
    max_forwarded: u16,
    max_dropped: u16,
    /// Sorted wrap-aware, unique.
    dropped: VecDeque<u16>,
    /// The newest number that cannot be given out any more: forgotten because of [`DROPPED_MAX`],
    /// or before the current run.
    horizon: Option<u16>,
    initial_output: u16,
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
            dropped: VecDeque::new(),
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
        self.horizon = None;
    }

    /// Begins a new run like [`sync`](Self::sync), and refuses what belongs before it from then on:
    /// its numbers went to the run before.
    pub fn restart(&mut self, input: u16) {
        self.sync(input);
        self.horizon = self.started.then_some(truncate::<BITS>(input));
    }

    /// Notes that `input` is not forwarded, so that its successors close the gap.
    ///
    /// Ignored when a number that follows it was forwarded already: its gap has been seen.
    pub fn drop(&mut self, input: u16) {
        let input = truncate::<BITS>(input);
        if higher::<BITS>(input, self.max_input) {
            self.max_input = input;
            self.max_dropped = input;
        } else if self.max_input != self.max_dropped || !higher::<BITS>(input, self.max_forwarded) {
            return;
        }
        // First forget, then remember: the order of what is remembered holds for half the space.
        self.forget_old();
        self.remember(input);
        self.forget_excess();
    }

    /// The outgoing number of `input`; `None` when it was dropped or is too old to be numbered.
    pub fn input(&mut self, input: u16) -> Option<u16> {
        let input = truncate::<BITS>(input);
        let remembers = self.horizon.is_some() || !self.dropped.is_empty();
        if remembers && self.started && higher::<BITS>(input, self.max_input) {
            self.max_input = input;
            self.max_forwarded = input;
            self.forget_old();
        }
        if self
            .horizon
            .is_some_and(|horizon| !higher::<BITS>(input, horizon))
        {
            return None;
        }
        let preceding = self.position(input).err()?;
        let base = subtract::<BITS>(self.base, preceding as u16);
        let output = add::<BITS>(input, base);
        self.advance(input, output);
        Some(add::<BITS>(output, self.initial_output))
    }

    /// The highest number given out so far, shifted by the initial output as they all are.
    pub fn max_output(&self) -> u16 {
        add::<BITS>(self.max_output, self.initial_output)
    }

    /// The highest number seen so far, dropped ones included.
    pub fn max_input(&self) -> u16 {
        self.max_input
    }

    /// Raises the maxima to a forwarded number, or sets them to the first.
    fn advance(&mut self, input: u16, output: u16) {
        let first = !self.started;
        self.started = true;
        for (maximum, value) in [
            (&mut self.max_input, input),
            (&mut self.max_forwarded, input),
            (&mut self.max_output, output),
        ] {
            if first || higher::<BITS>(value, *maximum) {
                *maximum = value;
            }
        }
    }

    /// Where `input` is among the dropped (`Ok`), or how many of them precede it (`Err`).
    fn position(&self, input: u16) -> Result<usize, usize> {
        let preceding = self
            .dropped
            .partition_point(|&dropped| higher::<BITS>(input, dropped));
        match self.dropped.get(preceding) {
            Some(&dropped) if dropped == input => Ok(preceding),
            _ => Err(preceding),
        }
    }

    fn remember(&mut self, input: u16) {
        if let Err(index) = self.position(input) {
            self.dropped.insert(index, input);
        }
    }

    /// Folds into the base what, after a wrap, is no longer behind the newest input.
    fn forget_old(&mut self) {
        while let Some(&oldest) = self.dropped.front() {
            if !higher::<BITS>(oldest, self.max_input) {
                break;
            }
            self.forget_oldest();
        }
        // The horizon is older than every remembered drop, so it leaves the window before them.
        self.horizon = self
            .horizon
            .filter(|&horizon| !higher::<BITS>(horizon, self.max_input));
    }

    fn forget_excess(&mut self) {
        while self.dropped.len() > DROPPED_MAX {
            self.horizon = self.dropped.front().copied();
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        self.dropped.pop_front();
        self.base = subtract::<BITS>(self.base, 1);
    }
}

fn truncate<const BITS: u32>(value: u16) -> u16 {
    value & mask::<BITS>() as u16
}

fn add<const BITS: u32>(l: u16, r: u16) -> u16 {
    truncate::<BITS>(l.wrapping_add(r))
}

fn subtract<const BITS: u32>(l: u16, r: u16) -> u16 {
    truncate::<BITS>(l.wrapping_sub(r))
}

fn higher<const BITS: u32>(l: u16, r: u16) -> bool {
    is_higher::<BITS>(l.into(), r.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn without_drops_numbers_pass() {
        check::<16>(
            0,
            &[
                Input(65534, Some(65534)),
                Input(65535, Some(65535)),
                Input(0, Some(0)),
                Input(2, Some(2)),
                Input(1, Some(1)),
            ],
        );
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
                // Nothing was given out before the first run, so its late packets have a place.
                Input(100, Some(1)),
                Input(99, Some(0)),
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
            assert!(manager.dropped.len() <= DROPPED_MAX);
        }
        // 1499 back is as late as a packet can be; beyond the horizon there is no right number.
        let newest = 99_999_u32;
        assert_eq!(
            manager.input((newest - 1500) as u16),
            Some(expected.wrapping_sub(501))
        );
        assert_eq!(manager.input((newest - 6000) as u16), None);
    }

    proptest! {
        #[test]
        fn in_order_outputs_are_contiguous(
            start in any::<u16>(),
            initial in any::<u16>(),
            forwarded in prop::collection::vec(any::<bool>(), 1..400),
        ) {
            let mut manager = SequenceManager::<16>::new(initial);
            manager.sync(start.wrapping_sub(1));
            let mut expected = initial;
            for (index, forward) in forwarded.into_iter().enumerate() {
                let input = start.wrapping_add(index as u16);
                if forward {
                    expected = expected.wrapping_add(1);
                    prop_assert_eq!(manager.input(input), Some(expected));
                } else {
                    manager.drop(input);
                }
            }
        }
    }
}
