//! Numbers that were given out in vain.

use super::counter::{add, subtract};
use super::manager::SequenceManager;

impl<const BITS: u32> SequenceManager<BITS> {
    /// Takes back the highest `count` of the numbers given out, for nobody has seen them: what had
    /// them, or would have filled the gaps between them, is dropped, and what follows gets them.
    /// False, and all stays as it is, where it is not known any more what had the one before.
    pub fn take_back(&mut self, count: u16) -> bool {
        let Some(kept) = self.input_of(self.max_output().wrapping_sub(count)) else {
            return false;
        };
        let beyond = self.distance(kept) as u16;
        for step in 1..=beyond {
            self.dropped.insert(add::<BITS>(kept, step));
        }
        self.unfilled.take(add::<BITS>(kept, 1), beyond.into());
        self.max_output = subtract::<BITS>(self.max_output, count);
        self.max_forwarded = kept;
        self.max_dropped = self.max_input;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_out_in_vain_is_given_out_again() {
        let mut manager = SequenceManager::<16>::new(1_000);
        for input in [65_530, 65_531, 65_534, 65_535] {
            manager.input(input);
        }
        manager.drop(0);
        manager.input(1);
        // 65,534, 65,535 and 1 had these, and 65,533 would have had the one before.
        assert!(manager.take_back(4));
        assert_eq!(manager.max_output(), 65_532_u16.wrapping_add(1_000));
        for late in [65_533, 65_534, 65_535, 0, 1] {
            assert_eq!(manager.input(late), None, "{late}");
        }
        assert_eq!(manager.input(2), Some(65_533_u16.wrapping_add(1_000)));
        assert_eq!(manager.input_of(65_533_u16.wrapping_add(1_000)), Some(2));
        assert_eq!(
            manager.input_of(65_531_u16.wrapping_add(1_000)),
            Some(65_531)
        );
        // What came before may still come.
        assert_eq!(manager.input(65_532), Some(65_532_u16.wrapping_add(1_000)));
    }

    #[test]
    fn what_is_not_known_is_not_taken_back() {
        let mut manager = SequenceManager::<16>::new(0);
        assert!(!manager.take_back(1));
        manager.restart(99);
        manager.input(100);
        assert!(!manager.take_back(1), "nothing was before it");
        manager.input(101);
        assert!(manager.take_back(1));
        assert_eq!(manager.input(102), Some(2));
    }
}
