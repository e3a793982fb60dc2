//! The time that the calling thread has run: who measures shares the machine.
#![allow(unsafe_code, reason = "std does not read this clock")]

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Measures the processor's time of the calling thread, that in the kernel included. Reading it is a
/// system call.
pub(crate) struct ThreadTime;

impl ThreadTime {
    /// The time that the calling thread has run.
    pub(crate) fn now() -> Duration {
        let mut at = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a value of the right kind that outlives the call.
        let read = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut at) };
        assert_eq!(read, 0, "every thread has that clock");
        Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
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
