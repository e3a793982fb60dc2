//! Which of the latest numbers were dropped: a bit each.

use crate::state::{Malformed, Reader, State, Writer};

/// How many numbers back it is remembered which were dropped, at most.
///
/// A receiver lets a packet arrive at most 1,499 numbers late (the MAX_MISORDER habit of RFC 3550
/// appendix A.1), and at most 2,500 packets are kept to be sent again: whatever can still arrive
/// or be asked for is numbered exactly. As bits that is 512 bytes.
pub const WINDOW: usize = 4_096;

/// The dropped numbers among the latest of a counter of `BITS` bits. It takes memory from the
/// first drop on.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped<const BITS: u32> {
    words: Vec<u64>,
    count: u16,
}

impl<C, const BITS: u32> State<C> for Dropped<BITS> {
    fn save(&self, out: &mut Writer<C>) {
        self.words.save(out);
        self.count.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (words, count): (Vec<u64>, _) = State::load(from)?;
        match words.len() {
            0 => Ok(Self::default()),
            len if len == Self::SIZE.div_ceil(64) => Ok(Self { words, count }),
            _ => Err(Malformed),
        }
    }
}

impl<const BITS: u32> Dropped<BITS> {
    /// How many numbers have a place. Number `n` shares that of `n + SIZE`.
    pub(super) const SIZE: usize = if 1 << BITS < WINDOW {
        1 << BITS
    } else {
        WINDOW
    };

    /// How many are remembered.
    pub(super) fn count(&self) -> u16 {
        self.count
    }

    pub(super) fn contains(&self, number: u16) -> bool {
        self.count_in(number, 1) == 1
    }

    pub(super) fn insert(&mut self, number: u16) {
        if self.words.is_empty() {
            self.words.resize(Self::SIZE.div_ceil(64), 0);
        }
        if let Some((word, bit)) = masks::<BITS>(number, 1).next()
            && self.words[word] & bit == 0
        {
            self.words[word] |= bit;
            self.count += 1;
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
    }

    /// How many of the `len` numbers from `first` on were dropped.
    pub(super) fn count_in(&self, first: u16, len: usize) -> u16 {
        if self.count == 0 {
            return 0;
        }
        let ones = |(word, mask): (usize, u64)| (self.words[word] & mask).count_ones() as u16;
        masks::<BITS>(first, len).map(ones).sum()
    }

    /// Forgets what has the places of the `len` numbers from `first` on: how many there were, and
    /// how far behind `first` the last of their places is.
    #[inline]
    pub(super) fn take(&mut self, first: u16, len: usize) -> Option<(u16, u16)> {
        (self.count > 0)
            .then(|| self.take_some(first, len))
            .flatten()
    }

    fn take_some(&mut self, first: u16, len: usize) -> Option<(u16, u16)> {
        let (mut taken, mut last, mut passed) = (0, 0, 0);
        for (word, mask) in masks::<BITS>(first, len) {
            let dropped = self.words[word] & mask;
            if dropped != 0 {
                taken += dropped.count_ones() as u16;
                last = passed + (63 - dropped.leading_zeros()) - mask.trailing_zeros();
                self.words[word] &= !mask;
            }
            passed += mask.count_ones();
        }
        self.count -= taken;
        (taken > 0).then_some((taken, last as u16))
    }

    /// The `nth` number before `end` that was not dropped, counted from 1.
    pub(super) fn kept_before(&self, end: u16, nth: u16) -> Option<u16> {
        if self.count == 0 {
            return (usize::from(nth) <= Self::SIZE).then(|| end.wrapping_sub(nth));
        }
        let (mut end, mut nth, mut left) = (end, u32::from(nth), Self::SIZE);
        while left > 0 {
            let at = usize::from(end).wrapping_sub(1) & (Self::SIZE - 1);
            let bits = (at % 64 + 1).min(left);
            // The bit of the last number before `end` becomes the highest.
            let kept = !self.words[at / 64] << (63 - at % 64) & (u64::MAX << (64 - bits));
            if nth <= kept.count_ones() {
                return Some(end.wrapping_sub(1 + nth_from_the_top(kept, nth)));
            }
            nth -= kept.count_ones();
            end = end.wrapping_sub(bits as u16);
            left -= bits;
        }
        None
    }
}

/// How far below the highest bit the `nth` one of `word` is, counted from 1.
fn nth_from_the_top(mut word: u64, nth: u32) -> u16 {
    for _ in 1..nth {
        word &= !(1 << 63 >> word.leading_zeros());
    }
    word.leading_zeros() as u16
}

/// The places of the `len` numbers from `first` on, word by word.
fn masks<const BITS: u32>(first: u16, len: usize) -> impl Iterator<Item = (usize, u64)> {
    let size = Dropped::<BITS>::SIZE;
    let mut at = usize::from(first) & (size - 1);
    let mut left = len.min(size);
    std::iter::from_fn(move || {
        let bits = left.min(64 - at % 64).min(size - at);
        if bits == 0 {
            return None;
        }
        let place = (at / 64, u64::MAX >> (64 - bits) << (at % 64));
        at = (at + bits) & (size - 1);
        left -= bits;
        Some(place)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_is_taken_with_the_first_drop() {
        let mut dropped = Dropped::<16>::default();
        assert_eq!(dropped.count_in(0, WINDOW), 0);
        assert_eq!(dropped.kept_before(5, 6), Some(65_535));
        assert_eq!(dropped.words.capacity(), 0);
        dropped.insert(7);
        assert_eq!(dropped.words.len() * 64, WINDOW);
    }

    #[test]
    fn what_is_taken_tells_where_the_last_was() {
        let mut dropped = Dropped::<16>::default();
        for number in [10, 70, 71, 200] {
            dropped.insert(number);
        }
        assert_eq!(dropped.take(11, 59), None);
        assert_eq!(dropped.take(10, 100), Some((3, 61)));
        assert_eq!((dropped.count(), dropped.contains(200)), (1, true));
        assert_eq!(dropped.take(300, WINDOW), Some((1, 3_996)));
    }

    proptest! {
        #[test]
        fn counting_and_selecting_agree_with_a_list(
            end: u16,
            back in prop::collection::btree_set(1..1_000_u16, 0..400),
            nth in 1..700_u16,
        ) {
            let mut dropped = Dropped::<16>::default();
            back.iter().for_each(|&back| dropped.insert(end.wrapping_sub(back)));
            let mut kept = (1..=4_096).filter(|number| !back.contains(number));
            let expected = kept.nth(usize::from(nth) - 1);
            prop_assert_eq!(dropped.kept_before(end, nth), expected.map(|back| end.wrapping_sub(back)));
            let newest = back.iter().filter(|&&back| back <= nth).count();
            prop_assert_eq!(usize::from(dropped.count_in(end.wrapping_sub(nth), nth.into())), newest);
        }
    }
}
