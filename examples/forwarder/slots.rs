//! Many datagrams a system call: `recvmmsg`.
#![allow(
    unsafe_code,
    reason = "a limit is what the system calls themselves cost"
)]

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Datagrams of one call.
const BATCH: usize = 64;
/// Bytes of one slot.
const SLOT: usize = 2_048;

/// Where datagrams are received.
pub(crate) struct Slots {
    bytes: Vec<u8>,
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_in>,
    stamps: Vec<Stamp>,
    stamped: bool,
    received: usize,
}

/// The control message with the time at which the kernel took a datagram in.
#[derive(Clone, Copy)]
#[repr(C)]
struct Stamp {
    header: libc::cmsghdr,
    at: libc::timespec,
}

// SAFETY: the pointers in `headers` and `parts` are written before each system call and used by
// nothing but that call, so none of them means anything when the value moves between threads.
unsafe impl Send for Slots {}

impl Slots {
    /// Room for `count` datagrams; `stamped`: with the times that `SO_TIMESTAMPNS` has the kernel
    /// write down.
    pub(crate) fn new(count: usize, stamped: bool) -> Self {
        // SAFETY: all-zero bytes are valid for these plain C structures.
        let (header, part, name, stamp) = unsafe { std::mem::zeroed() };
        Self {
            bytes: vec![0; count * SLOT],
            headers: vec![header; count],
            parts: vec![part; count],
            names: vec![name; count],
            stamps: vec![stamp; count],
            stamped,
            received: 0,
        }
    }

    /// Forgets what was received.
    pub(crate) fn clear(&mut self) {
        self.received = 0;
    }

    /// How many datagrams were received.
    pub(crate) fn len(&self) -> usize {
        self.received
    }

    /// There is no room left.
    pub(crate) fn is_full(&self) -> bool {
        self.received == self.headers.len()
    }

    /// Receives as many datagrams as have arrived and find room; `waits` for the first of them.
    /// Says whether there may be more.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, waits: bool) -> io::Result<bool> {
        let first = self.received;
        let last = self.headers.len().min(first + BATCH);
        self.aim(first, last);
        let flags = if waits {
            libc::MSG_WAITFORONE
        } else {
            libc::MSG_DONTWAIT
        };
        let (fd, count) = (socket.as_raw_fd(), (last - first) as libc::c_uint);
        let headers = self.headers[first..].as_mut_ptr();
        // SAFETY: `aim` has just pointed `count` headers at slots, names and control buffers of the
        // lengths given, which are ours and outlive the call; a null timeout is allowed.
        let read = unsafe { libc::recvmmsg(fd, headers, count, flags, std::ptr::null_mut()) };
        match usize::try_from(read) {
            Ok(read) => {
                self.received += read;
                Ok(read == last - first)
            }
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
                error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
                error => Err(error),
            },
        }
    }

    /// The bytes of a datagram.
    pub(crate) fn datagram(&self, index: usize) -> &[u8] {
        let len = self.headers[index].msg_len as usize;
        &self.bytes[index * SLOT..][..len]
    }

    /// The port that it came from.
    pub(crate) fn source_port(&self, index: usize) -> u16 {
        u16::from_be(self.names[index].sin_port)
    }

    /// When the kernel took it in, in nanoseconds since 1970.
    #[allow(dead_code, reason = "for who measures")]
    pub(crate) fn arrival(&self, index: usize) -> Option<u64> {
        let at = self.stamps[index].at;
        let written = self.headers[index].msg_hdr.msg_controllen > 0;
        written.then_some(at.tv_sec as u64 * 1_000_000_000 + at.tv_nsec as u64)
    }

    fn aim(&mut self, first: usize, last: usize) {
        let slots = self.bytes[first * SLOT..last * SLOT].chunks_exact_mut(SLOT);
        for (index, slot) in (first..last).zip(slots) {
            self.parts[index] = libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: SLOT,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            header.msg_iov = &raw mut self.parts[index];
            header.msg_iovlen = 1;
            if self.stamped {
                header.msg_control = (&raw mut self.stamps[index]).cast();
                header.msg_controllen = size_of::<Stamp>() as _;
            }
        }
    }
}
