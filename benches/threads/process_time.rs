//! What something takes: time, and time of all processors that work on it.
#![allow(unsafe_code, reason = "std does not read these clocks")]

use std::ops::{Add, Div};

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
        let clocks = || [libc::CLOCK_MONOTONIC, libc::CLOCK_PROCESS_CPUTIME_ID].map(read);
        let before = clocks();
        act();
        let [wall, processors] = clocks();
        Self {
            wall: wall - before[0],
            processors: processors - before[1],
        }
    }
}

fn read(clock: libc::clockid_t) -> f64 {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a value of the right kind that outlives the call.
    let read = unsafe { libc::clock_gettime(clock, &raw mut at) };
    assert_eq!(read, 0, "every process has these clocks");
    at.tv_sec as f64 + at.tv_nsec as f64 * 1e-9
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
