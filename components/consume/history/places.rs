//! Places for what sequence numbers name: a ring that knows its ends.

use crate::wire::state::{Malformed, Reader, State, Writer};

/// Values for consecutive numbers, of which some have none; the first and the last number have one.
///
/// Numbers are extended beyond 16 bits, so that they do not wrap. The ring doubles when its numbers
/// span more than it has places.
#[derive(Clone, Debug)]
pub(super) struct Places<T> {
    /// Number `n` has place `n % places.len()`, a power of two.
    places: Vec<Option<T>>,
    /// The first and the last number.
    range: Option<(u64, u64)>,
}

impl<C, T: State<C>> State<C> for Places<T> {
    fn save(&self, out: &mut Writer<C>) {
        self.places.save(out);
        self.range.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (places, range) = State::load(from)?;
        Ok(Self { places, range })
    }
}

/// Extended numbers begin here, so that none is negative.
const FIRST_CYCLE: u64 = 1 << 32;

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            range: None,
        }
    }
}

impl<T: Copy> Places<T> {
    /// The first and the last number.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        self.range
    }

    /// It takes memory.
    pub(super) fn is_used(&self) -> bool {
        !self.places.is_empty()
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let (first, last) = self.range?;
        let place = number as usize & (self.places.len() - 1);
        (first..=last)
            .contains(&number)
            .then(|| self.places[place].as_ref())?
    }

    /// Gives a number a value, and places to all between it and the others.
    pub(super) fn insert(&mut self, number: u64, value: T) {
        let (first, last) = self.range.unwrap_or((number, number));
        let (first, last) = (first.min(number), last.max(number));
        let needed = (last - first + 1).next_power_of_two() as usize;
        if needed > self.places.len() {
            self.grow(needed);
        }
        self.range = Some((first, last));
        *self.place(number) = Some(value);
    }

    /// Forgets the value of a number, and the empty places that are first or last then.
    pub(super) fn forget(&mut self, number: u64) {
        let Some((first, last)) = self.range else {
            return;
        };
        if !(first..=last).contains(&number) {
            return;
        }
        *self.place(number) = None;
        let is_taken = |number: &u64| self.get(*number).is_some();
        self.range = match number {
            _ if first == last => None,
            _ if number == first => (first..=last).find(is_taken).map(|first| (first, last)),
            _ if number == last => (first..=last).rfind(is_taken).map(|last| (first, last)),
            _ => self.range,
        };
    }

    /// Forgets every value and keeps the memory.
    pub(super) fn clear(&mut self) {
        if let Some((first, last)) = self.range.take() {
            for number in first..=last {
                *self.place(number) = None;
            }
        }
    }

    /// The extended number that is nearest to the last one.
    pub(super) fn extended(&self, number: u16) -> u64 {
        let Some((_, last)) = self.range else {
            return FIRST_CYCLE | u64::from(number);
        };
        let ahead = number.wrapping_sub(last as u16).cast_signed();
        last.wrapping_add_signed(ahead.into())
    }

    fn grow(&mut self, len: usize) {
        let mut places = vec![None; len];
        if let Some((first, last)) = self.range {
            for number in first..=last {
                places[number as usize & (len - 1)] = self.get(number).copied();
            }
        }
        self.places = places;
    }

    fn place(&mut self, number: u64) -> &mut Option<T> {
        let place = number as usize & (self.places.len() - 1);
        &mut self.places[place]
    }
}
