//! Clocks of the processor: who measures shares the machine.
#![allow(unsafe_code, reason = "std does not read these clocks")]

use std::time::Duration;

/// What a clock of the system says. Reading one of the processor's time is a system call.
pub(crate) fn read(clock: libc::clockid_t) -> Duration {
    let mut at = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a value of the right kind that outlives the call.
    let read = unsafe { libc::clock_gettime(clock, &raw mut at) };
    assert_eq!(read, 0, "every process has these clocks");
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}
