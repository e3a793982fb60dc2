//! The limit of the machine with a cipher: `recvfrom`, rewriting, sealing straight from the payload,
//! and `sendmmsg`; a burst to one receiver crosses the network stack as one (GSO).
#![allow(
    unsafe_code,
    reason = "the limit is what the system calls themselves cost"
)]

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use flumen::srtp::CryptoSuite;

use crate::bare_cipher::BareCipher;
use crate::sockets::to_sockaddr;

/// Messages that one system call sends.
const BATCH: usize = 32;
/// Length of the header that packets come with.
const IN_HEADER_LEN: usize = 24;

/// A forwarder with a key for each receiver, and no RTCP, no statistics and no world.
pub(crate) struct SealedLimit {
    ingress: UdpSocket,
    egress: UdpSocket,
    receivers: Vec<(libc::sockaddr_in, BareCipher)>,
    header_len: usize,
    overhead: usize,
    packets: Vec<[u8; 2_048]>,
    lens: Vec<usize>,
    /// The datagrams of each receiver of a batch, one behind the other.
    runs: Vec<Vec<u8>>,
    index: u64,
}

impl SealedLimit {
    pub(crate) fn new(
        (ingress, egress): (UdpSocket, UdpSocket),
        destinations: Vec<SocketAddr>,
        header_len: usize,
        suite: CryptoSuite,
    ) -> Self {
        let receiver = |address| (to_sockaddr(address), BareCipher::new(suite));
        Self {
            ingress,
            egress,
            receivers: destinations.into_iter().map(receiver).collect(),
            header_len,
            overhead: suite.rtp_overhead(),
            packets: vec![[0; 2_048]; 10],
            lens: vec![0; 10],
            runs: vec![Vec::new(); BATCH],
            index: 0,
        }
    }

    /// Where packets are received.
    pub(crate) fn address(&self) -> SocketAddr {
        self.ingress.local_addr().expect("it is bound")
    }

    /// Forwards `packets` packets that have arrived; returns how many datagrams were sent.
    pub(crate) fn forward(&mut self, packets: u16) -> u64 {
        for at in 0..usize::from(packets) {
            let (len, _) = self
                .ingress
                .recv_from(&mut self.packets[at])
                .expect("a packet has arrived");
            self.lens[at] = len;
        }
        self.index += u64::from(packets);
        let mut sent = 0;
        for first in (0..self.receivers.len()).step_by(BATCH) {
            let last = self.receivers.len().min(first + BATCH);
            sent += self.send_batch(first..last, packets.into());
        }
        sent * u64::from(packets)
    }

    fn send_batch(&mut self, receivers: std::ops::Range<usize>, packets: usize) -> u64 {
        let first = receivers.start;
        let mut segment = 0;
        for receiver in receivers.clone() {
            let run = &mut self.runs[receiver - first];
            let mut at = 0;
            for (packet, &len) in self.packets.iter().zip(&self.lens).take(packets) {
                let payload = &packet[IN_HEADER_LEN..len];
                segment = self.header_len + payload.len() + self.overhead;
                if run.len() < at + segment {
                    run.resize(at + segment, 0);
                }
                let slot = &mut run[at..at + segment];
                let (header, out) = slot.split_at_mut(self.header_len);
                header[..12].copy_from_slice(&packet[..12]);
                header[8..12].copy_from_slice(&(receiver as u32).to_be_bytes());
                let index = (self.index << 8) + (at / segment) as u64;
                self.receivers[receiver].1.seal(index, header, payload, out);
                at += segment;
            }
        }
        self.send_runs(receivers, packets, segment)
    }

    fn send_runs(&self, receivers: std::ops::Range<usize>, packets: usize, segment: usize) -> u64 {
        // SAFETY: all-zero bytes are valid for these plain C structures.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let mut parts = [libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        }; BATCH];
        let control = Control::new(segment as u16);
        let count = receivers.len();
        for (index, receiver) in receivers.enumerate() {
            parts[index] = libc::iovec {
                iov_base: self.runs[index].as_ptr().cast_mut().cast(),
                iov_len: packets * segment,
            };
            let message = &mut messages[index].msg_hdr;
            let address = &self.receivers[receiver].0;
            message.msg_name = std::ptr::from_ref(address).cast_mut().cast();
            message.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            message.msg_iov = &raw mut parts[index];
            message.msg_iovlen = 1;
            if packets > 1 {
                message.msg_control = std::ptr::from_ref(&control).cast_mut().cast();
                message.msg_controllen = size_of::<Control>();
            }
        }
        let fd = self.egress.as_raw_fd();
        // SAFETY: every pointer in `messages` is to memory that outlives the call.
        let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count as u32, 0) };
        u64::try_from(sent).expect("the datagrams are sent")
    }
}

/// The control message that asks for segmentation.
#[repr(C, align(8))]
struct Control {
    header: libc::cmsghdr,
    segment: u16,
    padding: [u8; 6],
}

impl Control {
    fn new(segment: u16) -> Self {
        const UDP_SEGMENT: i32 = 103;
        Self {
            header: libc::cmsghdr {
                cmsg_len: size_of::<libc::cmsghdr>() + size_of::<u16>(),
                cmsg_level: libc::SOL_UDP,
                cmsg_type: UDP_SEGMENT,
            },
            segment,
            padding: [0; 6],
        }
    }
}
