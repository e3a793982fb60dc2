//! Sleeping for less than a millisecond.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::{Events, Poll};

/// Waits for events until `timeout` has passed (`None`: no limit).
///
/// mio rounds a timeout up to a whole millisecond, which is a whole tick too late for a paced
/// packet. So one that is no whole number of milliseconds is slept by `ppoll` on the poll's own
/// descriptor, to the nanosecond plus the kernel's timer slack (50 µs unless the thread changed
/// it), for the price of one more system call.
///
/// # Errors
///
/// Those of [`Poll::poll`], `Interrupted` among them.
pub fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match timeout {
        Some(timeout) if !timeout.subsec_nanos().is_multiple_of(1_000_000) => {
            sleep(poll, timeout)?;
            poll.poll(events, Some(Duration::ZERO))
        }
        _ => poll.poll(events, timeout),
    }
}

/// Sleeps until `poll` has an event or `timeout` has passed.
fn sleep(poll: &Poll, timeout: Duration) -> io::Result<()> {
    let mut watched = libc::pollfd {
        fd: poll.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as _,
    };
    // SAFETY: both pointers are to values of the right kind that outlive the call, the count is
    // that of `watched`, and a null signal mask leaves the thread's own in force.
    let result = unsafe { libc::ppoll(&raw mut watched, 1, &raw const timeout, std::ptr::null()) };
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
