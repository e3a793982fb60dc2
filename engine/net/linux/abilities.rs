//! What the kernel can do for a socket.

use std::io;
use std::os::fd::AsRawFd;

/// What the kernel can do for a socket, and what it told about it.
#[derive(Debug)]
pub(crate) struct Abilities {
    /// It cuts one message into many datagrams (`UDP_SEGMENT`, since Linux 4.18). Older kernels
    /// must not be asked: they ignore the request and send one huge datagram.
    pub(super) segmentation: bool,
    /// The last drop counter it reported.
    pub(super) drops: u32,
}

impl Abilities {
    /// Asks the kernel, and tells it to report drops.
    pub(crate) fn of(socket: &socket2::Socket) -> Self {
        // A kernel that cannot report drops still receives; the drops are then not counted.
        let _ = set(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1);
        Self {
            segmentation: set(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok(),
            drops: 0,
        }
    }

    /// Takes the kernel's drop counter; says by how much it rose.
    pub(super) fn count_drops(&mut self, counter: u32) -> u32 {
        let risen = counter.wrapping_sub(self.drops);
        self.drops = counter;
        risen
    }
}

/// Sets a socket option that is an integer.
pub(super) fn set(
    socket: &impl AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            len,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_counter_may_wrap() {
        let mut abilities = Abilities {
            segmentation: false,
            drops: 0,
        };
        assert_eq!(abilities.count_drops(u32::MAX - 1), u32::MAX - 1);
        assert_eq!(abilities.count_drops(3), 5);
        assert_eq!(abilities.count_drops(3), 0);
    }
}
