//! A queue in pieces: what is in it never moves, and a piece that is empty is used again.

use std::collections::VecDeque;

use crate::wire::state::{Malformed, Reader, State, Writer};

/// Values in the order in which they came, each with a number: one more than the one before.
///
/// It grows by a piece of [`PIECE`](Self::PIECE) values at a time and copies none of them.
#[derive(Clone, Debug)]
pub(crate) struct Chain<T> {
    /// Those with values, then empty ones. Number `n` is at `n % PIECE` of its piece.
    pieces: VecDeque<Vec<T>>,
    /// The number of the first value.
    first: u64,
    /// The number of the next one to come.
    next: u64,
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Self {
            pieces: VecDeque::new(),
            first: 0,
            next: 0,
        }
    }
}

impl<T> Chain<T> {
    /// Values of a piece.
    pub(crate) const PIECE: usize = 32;

    /// The numbers of its values.
    pub(crate) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.next
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.get(self.first)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let (piece, at) = self.place(number)?;
        self.pieces.get(piece)?.get(at)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let (piece, at) = self.place(number)?;
        self.pieces.get_mut(piece)?.get_mut(at)
    }

    /// Adds a value behind the others; returns its number.
    pub(crate) fn push(&mut self, value: T) -> u64 {
        let number = self.next;
        self.next += 1;
        let piece = self.piece_of(number);
        if piece == self.pieces.len() {
            self.pieces.push_back(Vec::with_capacity(Self::PIECE));
        }
        self.pieces[piece].push(value);
        number
    }

    /// Takes out the first value, if there is one.
    pub(crate) fn pop_front(&mut self) {
        if self.first == self.next {
            return;
        }
        self.first += 1;
        if self.first.is_multiple_of(Self::PIECE as u64)
            && let Some(mut piece) = self.pieces.pop_front()
        {
            piece.clear();
            self.pieces.push_back(piece);
        }
    }

    /// Takes out all of them and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.next = self.next.next_multiple_of(Self::PIECE as u64);
        self.first = self.next;
        self.pieces.iter_mut().for_each(Vec::clear);
    }

    fn place(&self, number: u64) -> Option<(usize, usize)> {
        let at = number as usize % Self::PIECE;
        let is_there = self.numbers().contains(&number);
        is_there.then(|| (self.piece_of(number), at))
    }

    fn piece_of(&self, number: u64) -> usize {
        let size = Self::PIECE as u64;
        (number / size - self.first / size) as usize
    }
}

/// What is before the first value in its piece is kept as it is.
impl<C, T: State<C>> State<C> for Chain<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.first.save(out);
        let pieces = || self.pieces.iter();
        pieces().map(Vec::len).sum::<usize>().save(out);
        pieces().for_each(|piece| T::save_all(piece, out));
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let first = u64::load(from)?;
        let start = first - first % Self::PIECE as u64;
        let mut chain = Self {
            pieces: VecDeque::new(),
            first: start,
            next: start,
        };
        for _ in 0..from.count()? {
            chain.next.checked_add(1).ok_or(Malformed)?;
            chain.push(T::load(from)?);
        }
        chain.first = first;
        let is_whole = first <= chain.next;
        is_whole.then_some(chain).ok_or(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(chain: &Chain<u32>) -> Vec<u32> {
        let found = chain.numbers().map(|number| chain.get(number));
        found.map(|value| *value.expect("it is there")).collect()
    }

    fn saved(chain: &Chain<u32>) -> Vec<u8> {
        let mut out = Writer::new(());
        chain.save(&mut out);
        out.bytes().to_vec()
    }

    proptest! {
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec(
            prop_oneof![20 => Just(Some(1)), 19 => Just(Some(0)), 1 => Just(None)], 1..600,
        )) {
            let (mut chain, mut queue) = (Chain::default(), VecDeque::new());
            for (value, step) in (0..).zip(steps) {
                match step {
                    Some(1) => {
                        let number = chain.push(value);
                        queue.push_back(value);
                        prop_assert_eq!(chain.get(number), Some(&value));
                    }
                    Some(_) => {
                        chain.pop_front();
                        queue.pop_front();
                    }
                    None => {
                        chain.clear();
                        queue.clear();
                    }
                }
                prop_assert_eq!(chain.front(), queue.front());
            }
            prop_assert_eq!(values(&chain), Vec::from(queue));
            let bytes = saved(&chain);
            let mut loaded: Chain<u32> = State::load(&mut Reader::new(&bytes, ())).unwrap();
            prop_assert_eq!(values(&loaded), values(&chain));
            prop_assert_eq!(loaded.push(7), chain.push(7));
            prop_assert_eq!(saved(&loaded), saved(&chain));
        }
    }

    #[test]
    fn what_is_in_it_stays_where_it_is_and_memory_is_used_again() {
        let mut chain = Chain::default();
        let first = chain.push(1);
        let place = std::ptr::from_ref(chain.get(first).unwrap());
        (0..1_000).for_each(|value| {
            chain.push(value);
        });
        assert!(std::ptr::eq(place, chain.get(first).unwrap()));
        let pieces = chain.pieces.len();
        for value in 0..1_000 {
            chain.pop_front();
            chain.push(value);
        }
        assert!(chain.pieces.len() <= pieces + 1);
    }

    #[test]
    fn what_does_not_fit_together_is_not_loaded() {
        let load = |first: u64, count: usize| {
            let mut out = Writer::new(());
            first.save(&mut out);
            vec![1_u32; count].save(&mut out);
            let bytes = out.bytes().to_vec();
            Chain::<u32>::load(&mut Reader::new(&bytes, ())).is_ok()
        };
        assert!(load(40, 8) && load(40, 9) && load(0, 0));
        assert!(!load(40, 7) && !load(u64::MAX, 40));
    }
}
