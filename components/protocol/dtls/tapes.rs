//! The tapes of many connections, in one place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Tape;
use super::recorded::{Answer, Snapshot};

/// The tapes of many connections, each under a number: what they yield, or what they are to yield
/// again. Clones are the same tapes.
///
/// What a [`Tape`] says of keys holds for these.
#[derive(Clone, Debug, Default)]
pub struct Tapes(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    tapes: BTreeMap<u64, Tape>,
    has_ended: bool,
}

impl Tapes {
    /// Takes off what is on them.
    pub fn take(&self) -> BTreeMap<u64, Tape> {
        std::mem::take(&mut self.shelf().tapes)
    }

    /// Nothing that connections yield from here on is kept.
    pub fn end(&self) {
        *self.shelf() = Shelf {
            has_ended: true,
            ..Shelf::default()
        };
    }

    /// Lays `tape` in for connection `number`, which plays it next.
    pub fn lay_in(&self, number: u64, tape: Tape) {
        self.shelf().tapes.insert(number, tape);
    }

    pub(super) fn push(&self, number: u64, answer: Answer, after: Snapshot) {
        let mut shelf = self.shelf();
        if !shelf.has_ended {
            shelf.tapes.entry(number).or_default().push(answer, after);
        }
    }

    pub(super) fn take_of(&self, number: u64) -> Option<Tape> {
        self.shelf().tapes.remove(&number)
    }

    /// Nothing panics half way through a change.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
