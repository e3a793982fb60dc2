//! What is under way, each thing released at its own time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use flumen::Time;

/// Things under way.
#[derive(Clone, Debug)]
pub(crate) struct Flights<T> {
    flying: BinaryHeap<Reverse<Flight<T>>>,
    sent: u64,
}

#[derive(Clone, Debug)]
struct Flight<T> {
    due: Time,
    order: u64,
    thing: T,
}

impl<T> Flights<T> {
    /// Lets a thing arrive at `due`; of two at one time the first one sent comes first.
    pub(crate) fn send(&mut self, due: Time, thing: T) {
        self.sent += 1;
        self.flying.push(Reverse(Flight {
            due,
            order: self.sent,
            thing,
        }));
    }

    /// When the next thing arrives.
    pub(crate) fn next(&self) -> Option<Time> {
        self.flying.peek().map(|flight| flight.0.due)
    }

    /// The next thing that has arrived by `now`, and when it did.
    pub(crate) fn arrival(&mut self, now: Time) -> Option<(Time, T)> {
        if self.next()? > now {
            return None;
        }
        let Reverse(flight) = self.flying.pop()?;
        Some((flight.due, flight.thing))
    }

    /// Things under way.
    pub(crate) fn len(&self) -> usize {
        self.flying.len()
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            flying: BinaryHeap::new(),
            sent: 0,
        }
    }
}

impl<T> Flight<T> {
    fn key(&self) -> (Time, u64) {
        (self.due, self.order)
    }
}

impl<T> PartialEq for Flight<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Flight<T> {}

impl<T> PartialOrd for Flight<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Flight<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}
