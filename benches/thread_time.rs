//! The time that the calling thread has run: who measures shares the machine.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

use crate::clock;

/// Measures the processor's time of the calling thread, that in the kernel included. Reading it is a
/// system call.
pub(crate) struct ThreadTime;

impl ThreadTime {
    /// The time that the calling thread has run.
    pub(crate) fn now() -> Duration {
        clock::read(libc::CLOCK_THREAD_CPUTIME_ID)
    }
}

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, started: Duration) -> Duration {
        Self::now() - started
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
