//! Many datagrams a system call: `sendmmsg`, and runs that the kernel cuts up.
#![allow(
    unsafe_code,
    reason = "a limit is what the system calls themselves cost"
)]

use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Messages of one call.
pub(crate) const BATCH: usize = 64;
/// Datagrams of one run.
pub(crate) const SEGMENTS_MAX: usize = 64;
/// Bytes of one run.
pub(crate) const RUN_BYTES_MAX: usize = 65_507;
/// Parts of one call.
const PARTS_MAX: usize = 1_024;

/// The memory of a call's messages.
#[derive(Default)]
pub(crate) struct Messages {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    segments: Vec<Segment>,
}

// SAFETY: the pointers in it are used only by a `Flight`, which borrows what they point at and
// begins without any.
unsafe impl Send for Messages {}

/// The messages of one call, as they are put together.
pub(crate) struct Flight<'m, 'a> {
    messages: &'m mut Messages,
    bytes: PhantomData<&'a [u8]>,
}

/// The control message that asks for segmentation.
#[repr(C, align(8))]
struct Segment {
    header: libc::cmsghdr,
    bytes: u16,
}

impl Messages {
    /// Begins a call.
    pub(crate) fn flight<'a>(&mut self) -> Flight<'_, 'a> {
        // Something is left when a call failed.
        self.clear();
        Flight {
            messages: self,
            bytes: PhantomData,
        }
    }

    fn clear(&mut self) {
        self.headers.clear();
        self.parts.clear();
        self.segments.clear();
    }
}

impl<'a> Flight<'_, 'a> {
    /// There is room for a message of so many parts.
    pub(crate) fn has_room(&self, parts: usize) -> bool {
        self.messages.headers.len() < BATCH && self.messages.parts.len() + parts <= PARTS_MAX
    }

    /// Begins a message, which the kernel cuts into datagrams of `segment` bytes if there are any.
    pub(crate) fn begin(&mut self, to: &'a libc::sockaddr_in, segment: Option<u16>) {
        // SAFETY: all-zero bytes are valid for this plain C structure.
        let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
        message.msg_hdr.msg_name = std::ptr::from_ref(to).cast_mut().cast();
        message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        self.messages.headers.push(message);
        self.messages
            .segments
            .push(Segment::new(segment.unwrap_or(0)));
    }

    /// Adds a part to the message that was begun last.
    pub(crate) fn part(&mut self, bytes: &'a [u8]) {
        self.messages.parts.push(libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        });
        if let Some(message) = self.messages.headers.last_mut() {
            message.msg_hdr.msg_iovlen += 1;
        }
    }

    /// Sends all messages, and begins anew.
    pub(crate) fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let Messages {
            headers,
            parts,
            segments,
        } = &mut *self.messages;
        let mut first = 0;
        for (message, segment) in headers.iter_mut().zip(segments) {
            let header = &mut message.msg_hdr;
            #[allow(
                clippy::unnecessary_cast,
                reason = "its type differs between C libraries"
            )]
            let last = first + header.msg_iovlen as usize;
            header.msg_iov = parts[first..last].as_mut_ptr();
            if segment.bytes > 0 {
                header.msg_control = std::ptr::from_mut(segment).cast();
                header.msg_controllen = segment.header.cmsg_len;
            }
            first = last;
        }
        let mut rest = &mut headers[..];
        while !rest.is_empty() {
            let (fd, count) = (socket.as_raw_fd(), rest.len() as libc::c_uint);
            // SAFETY: every pointer in the messages is to memory that `self` borrows or owns.
            let sent = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), count, 0) };
            match usize::try_from(sent) {
                Ok(sent) => rest = &mut rest[sent..],
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
        self.messages.clear();
        Ok(())
    }
}

impl Segment {
    fn new(bytes: u16) -> Self {
        Self {
            header: libc::cmsghdr {
                cmsg_len: size_of::<libc::cmsghdr>() + size_of::<u16>(),
                cmsg_level: libc::SOL_UDP,
                cmsg_type: libc::UDP_SEGMENT,
            },
            bytes,
        }
    }
}

/// An address as the system takes it.
///
/// # Panics
///
/// When it is not of IPv4.
pub(crate) fn to_sockaddr(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(address) = address else {
        unreachable!("bare forwarders use IPv4")
    };
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}
