//! What something takes: time, and time of all processors that work on it.

use std::ops::{Add, Div};

use crate::clock;

/// Seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) wall: f64,
    /// Of all threads of this process.
    pub(crate) processors: f64,
}

impl Spent {
    /// What `act` takes, while no thread of the process does anything else.
    pub(crate) fn by(act: impl FnOnce()) -> Self {
        let clocks = [libc::CLOCK_MONOTONIC, libc::CLOCK_PROCESS_CPUTIME_ID];
        let clocks = || clocks.map(|one| clock::read(one).as_secs_f64());
        let before = clocks();
        act();
        let [wall, processors] = clocks();
        Self {
            wall: wall - before[0],
            processors: processors - before[1],
        }
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            wall: self.wall + other.wall,
            processors: self.processors + other.processors,
        }
    }
}

impl Div<f64> for Spent {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        Self {
            wall: self.wall / by,
            processors: self.processors / by,
        }
    }
}
