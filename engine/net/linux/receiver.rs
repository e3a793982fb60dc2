//! Reading: `recvmmsg` into slots of the caller's memory.

use std::io;
use std::os::fd::AsRawFd;

use super::control::DropCount;
use super::name::Name;
use crate::address::canonical;
use crate::datagram::{Read, Received};
use crate::{BATCH, Socket};

/// Slots that are pointed at for a socket of which little came before: each costs memory that is touched.
const FEW: usize = 8;

/// Pending errors that one read skips before it gives up.
const MAX_ERRORS: u32 = 16;

/// Reads datagrams.
pub struct Receiver {
    headers: Box<[libc::mmsghdr]>,
    slots: Box<[libc::iovec]>,
    names: Box<[Name]>,
    controls: Box<[DropCount]>,
    received: usize,
    /// As many datagrams as the next read takes at most: twice those of the last one.
    expected: usize,
}

// SAFETY: the pointers in `headers` and `slots` are written anew before each system call and used
// by nothing but that call, so none of them means anything when the value moves between threads.
unsafe impl Send for Receiver {}

impl Receiver {
    /// A receiver for any number of sockets.
    pub fn new() -> Self {
        // SAFETY: both are plain C structs for which all zeros is a value: null pointers with
        // zero lengths.
        let (header, slot) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            headers: vec![header; BATCH].into(),
            slots: vec![slot; BATCH].into(),
            names: vec![Name::EMPTY; BATCH].into(),
            controls: vec![DropCount::empty(); BATCH].into(),
            received: 0,
            expected: FEW,
        }
    }

    /// Reads datagrams into the slots of `slot_len` bytes that fit in `slots`: [`BATCH`] at most, and
    /// fewer than wait where the last read brought few; then the socket is not drained.
    ///
    /// # Panics
    ///
    /// When `slot_len` is 0.
    pub fn receive(&mut self, socket: &mut Socket, slots: &mut [u8], slot_len: usize) -> Read {
        self.received = 0;
        let wanted = self.aim(slots, slot_len);
        let mut read = Read::default();
        // A read that ends short has met "would block". (An error of the socket would also end it;
        // the kernel keeps it for the next call, and `epoll` tells of it.)
        read.datagrams = self.read(socket, wanted, &mut read.errors);
        read.drained = read.datagrams < wanted;
        self.received = read.datagrams;
        self.expected = (2 * self.received).clamp(FEW, BATCH);
        if let Some(counter) = self.drop_counter() {
            read.dropped = socket.abilities.count_drops(counter);
        }
        read
    }

    /// The datagrams of the last read, in the order of their slots.
    pub fn received(&self) -> impl ExactSizeIterator<Item = Received> + '_ {
        let headers = &self.headers[..self.received];
        std::iter::zip(headers, &self.names).map(|(header, name)| Received {
            // A UDP socket has no peers of other families than its own.
            source: canonical(name.address().unwrap_or_else(unspecified)),
            len: header.msg_len as usize,
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        })
    }

    /// Points every header at its slot, name and control buffer; says how many slots there are.
    fn aim(&mut self, slots: &mut [u8], slot_len: usize) -> usize {
        let mut wanted = 0;
        let expected = slots.chunks_exact_mut(slot_len).take(self.expected);
        for (index, slot) in expected.enumerate() {
            self.slots[index] = libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: slot_len,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = Name::CAPACITY;
            header.msg_iov = &raw mut self.slots[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = size_of::<DropCount>() as _;
            wanted = index + 1;
        }
        wanted
    }

    /// Reads into the first `wanted` slots; says how many were filled.
    fn read(&mut self, socket: &Socket, wanted: usize, errors: &mut u32) -> usize {
        while *errors < MAX_ERRORS {
            match receive_messages(socket, &mut self.headers[..wanted]) {
                Ok(read) => return read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Reported once and then forgotten by the kernel: the datagrams lie behind it.
                Err(_) => *errors += 1,
            }
        }
        0
    }

    /// The counter only rises, so the last datagram tells it all.
    fn drop_counter(&self) -> Option<u32> {
        let last = self.received.checked_sub(1)?;
        let written = self.headers[last].msg_hdr.msg_controllen > 0;
        written.then(|| self.controls[last].read())?
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

fn unspecified() -> std::net::SocketAddr {
    (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
}

/// `recvmmsg` into what `headers` point at; says how many messages were read.
fn receive_messages(socket: &Socket, headers: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let (fd, count) = (socket.udp.as_raw_fd(), headers.len() as libc::c_uint);
    // SAFETY: `aim` has just pointed each header at a name, a slot and a control buffer that are
    // exclusively ours, of the lengths given, and that live until `receive` returns; the count is
    // that of the headers; a null timeout is allowed.
    let read = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), count, 0, std::ptr::null_mut()) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}
