//! Sleeping until something happens, to the nanosecond, in one system call.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::{Poll, Token};

use crate::event::Event;

/// The events of one [`poll`].
#[derive(Debug)]
pub struct Events {
    /// As the kernel writes them; the first `count` are of the last poll.
    slots: Box<[libc::epoll_event]>,
    count: usize,
    /// The kernel has `epoll_pwait2` (since Linux 5.11) and allows it; cleared when it refuses.
    exact: bool,
}

impl Events {
    /// Room for `capacity` events; more wait for the next poll.
    pub fn with_capacity(capacity: usize) -> Self {
        let slot = libc::epoll_event { events: 0, u64: 0 };
        Self {
            slots: vec![slot; capacity.max(1)].into(),
            count: 0,
            exact: true,
        }
    }

    /// The events of the last poll.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.slots[..self.count].iter().map(event)
    }
}

/// Waits for events until `timeout` has passed (`None`: no limit), to the nanosecond plus the
/// kernel's timer slack (50 µs unless the thread changed it).
///
/// mio rounds a timeout up to a whole millisecond, which is a whole tick too late for a paced packet.
/// So the poll's own descriptor is asked here, which has what mio registered with it: the token of a
/// source, and edges.
///
/// # Errors
///
/// What the system says, `Interrupted` among it.
pub fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    events.count = 0;
    let whole_millis = timeout.is_none_or(|span| span.subsec_nanos().is_multiple_of(1_000_000));
    if whole_millis {
        return events.wait(poll, timeout);
    }
    if events.exact {
        match events.wait_exactly(poll, timeout.unwrap_or_default()) {
            Err(error) if refuses(&error) => events.exact = false,
            result => return result,
        }
    }
    sleep(poll, timeout.unwrap_or_default())?;
    events.wait(poll, Some(Duration::ZERO))
}

impl Events {
    /// Waits for whole milliseconds.
    fn wait(&mut self, poll: &Poll, timeout: Option<Duration>) -> io::Result<()> {
        let millis = timeout.map_or(-1, |span| {
            libc::c_int::try_from(span.as_millis()).unwrap_or(libc::c_int::MAX)
        });
        let (fd, slots, room) = (poll.as_raw_fd(), self.slots.as_mut_ptr(), self.room());
        // SAFETY: the pointer and the count describe `slots`, which outlives the call.
        let result = unsafe { libc::epoll_wait(fd, slots, room, millis) };
        self.take(result.into())
    }

    /// Waits to the nanosecond.
    fn wait_exactly(&mut self, poll: &Poll, timeout: Duration) -> io::Result<()> {
        let timeout = Timespec {
            seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            nanos: timeout.subsec_nanos().into(),
        };
        let (fd, slots, room) = (poll.as_raw_fd(), self.slots.as_mut_ptr(), self.room());
        let no_mask = std::ptr::null::<libc::sigset_t>();
        // SAFETY: the first pointer and the count describe `slots`, the second is to a value laid
        // out as the kernel has it; both outlive the call. Without a signal mask the thread's own
        // stays in force, and its length means nothing.
        let result = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                fd,
                slots,
                room,
                &raw const timeout,
                no_mask,
                0_usize,
            )
        };
        self.take(result)
    }

    fn room(&self) -> libc::c_int {
        libc::c_int::try_from(self.slots.len()).unwrap_or(libc::c_int::MAX)
    }

    /// Takes note of how many events the kernel wrote.
    fn take(&mut self, result: libc::c_long) -> io::Result<()> {
        self.count = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
        Ok(())
    }
}

/// `struct __kernel_timespec`: 64 bits wide on every machine.
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanos: i64,
}

/// The kernel does not know the call, or a filter does not let it through.
fn refuses(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

fn event(written: &libc::epoll_event) -> Event {
    let has = |flag: libc::c_int| written.events & flag as u32 != 0;
    Event {
        token: Token(written.u64 as usize),
        readable: has(libc::EPOLLIN),
        writable: has(libc::EPOLLOUT),
        read_closed: has(libc::EPOLLHUP) || has(libc::EPOLLRDHUP),
        error: has(libc::EPOLLERR),
    }
}

/// Sleeps until `poll` has an event or `timeout` has passed, for the price of one more call.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mio::Waker;

    use super::*;

    const BRIEFLY: Option<Duration> = Some(Duration::from_micros(300));

    fn waker(poll: &Poll) -> Arc<Waker> {
        Arc::new(Waker::new(poll.registry(), Token(usize::MAX)).unwrap())
    }

    #[test]
    fn a_kernel_without_the_exact_call_is_asked_another_way() {
        let mut poll_ = Poll::new().unwrap();
        let waker = waker(&poll_);
        for exact in [true, false] {
            let mut events = Events::with_capacity(8);
            events.exact = exact;
            poll(&mut poll_, &mut events, BRIEFLY).unwrap();
            assert_eq!(events.iter().count(), 0);
            waker.wake().unwrap();
            poll(&mut poll_, &mut events, BRIEFLY).unwrap();
            let tokens: Vec<_> = events.iter().map(|event| event.token).collect();
            assert_eq!(tokens, [Token(usize::MAX)]);
            // An edge is told once.
            poll(&mut poll_, &mut events, BRIEFLY).unwrap();
            assert_eq!(events.iter().count(), 0);
            assert_eq!(events.exact, exact, "this kernel has the call");
        }
    }

    #[test]
    fn what_finds_no_room_is_told_by_the_next_poll() {
        let mut poll_ = Poll::new().unwrap();
        let mut sockets: Vec<_> = (0..3)
            .map(|_| mio::net::UdpSocket::bind(([127, 0, 0, 1], 0).into()).unwrap())
            .collect();
        for (index, socket) in sockets.iter_mut().enumerate() {
            let interest = mio::Interest::READABLE;
            poll_
                .registry()
                .register(socket, Token(index), interest)
                .unwrap();
            socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        }
        let mut events = Events::with_capacity(2);
        let mut told = Vec::new();
        for _ in 0..2 {
            poll(&mut poll_, &mut events, BRIEFLY).unwrap();
            told.extend(
                events
                    .iter()
                    .filter(|event| event.readable)
                    .map(|event| event.token.0),
            );
        }
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2]);
    }
}
