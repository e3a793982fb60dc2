//! Answers that were recorded, given again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What a call answered, and what the getters said afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry<A, S> {
    pub(crate) answer: A,
    pub(crate) after: S,
}

/// A recording as it is played: an answer for each call, in order, and the getters' `S` between
/// them.
pub(crate) struct Playback<A, S> {
    entries: VecDeque<Entry<A, S>>,
    pub(crate) after: S,
    failed: S,
    has_diverged: bool,
}

impl<A, S: Clone + Default> Playback<A, S> {
    /// From its beginning; `failed` is what the getters say once the calls are not those that were
    /// recorded.
    pub(crate) fn new(entries: VecDeque<Entry<A, S>>, failed: S) -> Self {
        Self {
            entries,
            after: S::default(),
            failed,
            has_diverged: false,
        }
    }

    /// Appends what is to be played behind the rest, unless the calls were others already.
    pub(crate) fn append(&mut self, mut entries: VecDeque<Entry<A, S>>) {
        if !self.has_diverged {
            self.entries.append(&mut entries);
        }
    }

    /// The next answer, if it is of the kind that `wanted` picks. There are none behind one that is
    /// not.
    pub(crate) fn next<T>(&mut self, wanted: impl FnOnce(A) -> Option<T>) -> Option<T> {
        let entry = self.entries.pop_front();
        let answer = entry.and_then(|entry| {
            self.after = entry.after;
            wanted(entry.answer)
        });
        if answer.is_none() {
            self.entries.clear();
            self.after = self.failed.clone();
        }
        answer
    }

    /// The calls are not those that were recorded: true when that is still to be told.
    pub(crate) fn diverge(&mut self) -> bool {
        !std::mem::replace(&mut self.has_diverged, true)
    }
}
