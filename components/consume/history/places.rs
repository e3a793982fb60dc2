//! Where the packets are that sequence numbers name.

use crate::wire::state::{Malformed, Reader, State, Writer};

/// The places of numbered packets in a queue, and the range of their numbers, of which the first and
/// the last have a packet.
///
/// Numbers are extended beyond 16 bits, so that they do not wrap. A number without a packet has any
/// place: whoever looks there must see whose it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Number `n` has slot `n % SLOTS`: the low bits of a place. None before the first one.
    slots: Vec<u16>,
    range: Option<(u64, u64)>,
}

/// More than numbers span, so that no two of them share one; a power of two.
const SLOTS: usize = 4_096;
/// Extended numbers begin here, so that none is negative.
const FIRST_CYCLE: u64 = 1 << 32;

impl Places {
    /// The first and the last number.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        self.range
    }

    /// The place of a number in a queue that begins with `first` and is shorter than 2^16.
    pub(super) fn get(&self, number: u64, first: u64) -> Option<u64> {
        let (oldest, newest) = self.range?;
        let low = *self.slots.get(number as usize % SLOTS)?;
        let place = first.wrapping_add(low.wrapping_sub(first as u16).into());
        (oldest..=newest).contains(&number).then_some(place)
    }

    /// Gives a number a place.
    pub(super) fn insert(&mut self, number: u64, place: u64) {
        if self.slots.is_empty() {
            self.slots = vec![0; SLOTS];
        }
        self.slots[number as usize % SLOTS] = place as u16;
        let (first, last) = self.range.unwrap_or((number, number));
        self.range = Some((first.min(number), last.max(number)));
    }

    /// The numbers are those of this range from now on.
    pub(super) fn narrow(&mut self, range: Option<(u64, u64)>) {
        self.range = range;
    }

    /// Forgets every number and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.range = None;
    }

    /// The extended number that is nearest to the last one.
    pub(super) fn extended(&self, number: u16) -> u64 {
        let Some((_, last)) = self.range else {
            return FIRST_CYCLE | u64::from(number);
        };
        let ahead = number.wrapping_sub(last as u16).cast_signed();
        last.wrapping_add_signed(ahead.into())
    }
}

impl<C> State<C> for Places {
    fn save(&self, out: &mut Writer<C>) {
        self.slots.save(out);
        self.range.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (slots, range): (Vec<u16>, Option<(u64, u64)>) = State::load(from)?;
        let spans = |(first, last): (u64, u64)| last.wrapping_sub(first) < SLOTS as u64;
        match slots.len() {
            0 | SLOTS if range.is_none_or(spans) => Ok(Self { slots, range }),
            _ => Err(Malformed),
        }
    }
}
