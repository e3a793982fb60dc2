//! Which of the latest packets were seen.

use flumen_wire::state::{Malformed, Reader, State, Writer};

/// The packets of one SSRC that were seen, of the newest and the `64 * WORDS` up to it.
#[derive(Clone, Debug)]
pub(super) struct ReplayWindow<const WORDS: usize> {
    highest: u64,
    /// A ring: an index has the bit of its remainder.
    seen: [u64; WORDS],
}

/// Why an index is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    Seen,
    TooOld,
}

impl<C, const WORDS: usize> State<C> for ReplayWindow<WORDS> {
    fn save(&self, out: &mut Writer<C>) {
        self.highest.save(out);
        self.seen.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (highest, seen) = State::load(from)?;
        Ok(Self { highest, seen })
    }
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    const LEN: u64 = 64 * WORDS as u64;

    /// The window of an SSRC whose first packet has `index`.
    pub(super) fn new(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            seen: [0; WORDS],
        };
        window.set(index);
        window
    }

    /// The newest index.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether a packet with `index` may come.
    pub(super) fn check(&self, index: u64) -> Result<(), Replay> {
        if index > self.highest {
            return Ok(());
        }
        if self.highest - index >= Self::LEN {
            return Err(Replay::TooOld);
        }
        let (word, bit) = Self::place(index);
        match self.seen[word] & bit {
            0 => Ok(()),
            _ => Err(Replay::Seen),
        }
    }

    /// Takes note of an index that passed the check.
    pub(super) fn mark(&mut self, index: u64) {
        if index > self.highest {
            self.advance(index);
        }
        self.set(index);
    }

    fn advance(&mut self, index: u64) {
        if index - self.highest >= Self::LEN {
            self.seen = [0; WORDS];
        } else {
            for passed in self.highest + 1..index {
                let (word, bit) = Self::place(passed);
                self.seen[word] &= !bit;
            }
        }
        self.highest = index;
    }

    fn set(&mut self, index: u64) {
        let (word, bit) = Self::place(index);
        self.seen[word] |= bit;
    }

    fn place(index: u64) -> (usize, u64) {
        let at = index % Self::LEN;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_of_the_window_is_known_and_what_is_before_it_is_not() {
        let mut window = ReplayWindow::<16>::new(5_000);
        window.mark(6_000);
        assert_eq!(window.check(6_000 - 1_024), Err(Replay::TooOld));
        assert_eq!(window.check(6_000 - 1_023), Ok(()));
        assert_eq!(window.check(5_000), Err(Replay::Seen));
        assert_eq!(window.check(6_001), Ok(()));
    }

    proptest! {
        /// Against a set of everything that was ever seen.
        #[test]
        fn nothing_is_taken_twice(steps in prop::collection::vec(-200_i64..400, 1..200)) {
            let mut window = ReplayWindow::<2>::new(1_000_000);
            let mut seen = BTreeSet::from([1_000_000_u64]);
            for step in steps {
                let highest: u64 = *seen.last().unwrap();
                let index = highest.wrapping_add_signed(step);
                let expected = match (highest.saturating_sub(index) >= 128, seen.contains(&index)) {
                    (true, _) => Err(Replay::TooOld),
                    (false, true) => Err(Replay::Seen),
                    (false, false) => Ok(()),
                };
                prop_assert_eq!(window.check(index), expected);
                if expected.is_ok() {
                    window.mark(index);
                    seen.insert(index);
                }
            }
        }
    }
}
