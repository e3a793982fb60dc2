//! Which inputs are played, by number, and how one that fails is played again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Something that is numbered, and the variables that say which of it are played.
#[derive(Clone, Copy)]
pub(super) struct Numbered {
    first: &'static str,
    count: &'static str,
}

/// What is read at once.
pub(super) const INPUTS: Numbered = Numbered {
    first: "FLUMEN_FIRST_INPUT",
    count: "FLUMEN_INPUTS",
};

/// What goes on for a while.
pub(super) const SEQUENCES: Numbered = Numbered {
    first: "FLUMEN_FIRST_SEQUENCE",
    count: "FLUMEN_SEQUENCES",
};

impl Numbered {
    /// Those that are asked for; unless somebody asks for others, the first `usual` ones.
    pub(super) fn asked_for(self, usual: u64) -> Range<u64> {
        let first = wanted(self.first, 0);
        first..first + wanted(self.count, usual)
    }

    /// Plays these, and tells how `test` plays them again if that fails.
    pub(super) fn play<T>(self, numbers: Range<u64>, test: &str, play: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|_| {
            let Range { start, end } = numbers;
            panic!(
                "to play it again:\n{}={start} {}={} cargo test -p flumen-tests --test tick {test}",
                self.first,
                self.count,
                end - start
            )
        })
    }
}

fn wanted(name: &str, usual: u64) -> u64 {
    let wanted = std::env::var(name).ok();
    wanted.map_or(usual, |wanted| wanted.parse().expect("a number"))
}
