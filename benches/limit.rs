//! The limit of the machine: `recvfrom`, rewriting and `sendmmsg`, and nothing else.
#![allow(
    unsafe_code,
    reason = "the limit is what the system calls themselves cost"
)]

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use crate::sockets::to_sockaddr;

/// Datagrams that one system call sends.
const BATCH: usize = 64;

/// A forwarder with no RTCP, no statistics and no world.
pub(crate) struct Limit {
    ingress: UdpSocket,
    egress: UdpSocket,
    destinations: Vec<libc::sockaddr_in>,
    header_len: usize,
    headers: Vec<u8>,
    packet: Vec<u8>,
}

impl Limit {
    /// Forwards what arrives at `ingress` from `egress` to every destination, with a header of
    /// `header_len` bytes in the place of the 24 that the packets come with.
    pub(crate) fn new(
        ingress: UdpSocket,
        egress: UdpSocket,
        destinations: Vec<SocketAddr>,
        header_len: usize,
    ) -> Self {
        let headers = vec![0; header_len * destinations.len()];
        let destinations = destinations.into_iter().map(to_sockaddr).collect();
        Self {
            ingress,
            egress,
            destinations,
            header_len,
            headers,
            packet: vec![0; 2_048],
        }
    }

    /// Where packets are received.
    pub(crate) fn address(&self) -> SocketAddr {
        self.ingress.local_addr().expect("it is bound")
    }

    /// Forwards `packets` packets that have arrived; returns how many datagrams were sent.
    pub(crate) fn forward(&mut self, packets: u16) -> u64 {
        (0..packets).map(|_| self.forward_one()).sum()
    }

    fn forward_one(&mut self) -> u64 {
        let (len, _) = self
            .ingress
            .recv_from(&mut self.packet)
            .expect("a packet has arrived");
        for (index, header) in self.headers.chunks_exact_mut(self.header_len).enumerate() {
            header[..12].copy_from_slice(&self.packet[..12]);
            header[8..12].copy_from_slice(&(index as u32).to_be_bytes());
        }
        let payload = &self.packet[24..len];
        let headers = self.headers.chunks(self.header_len * BATCH);
        let batches = self.destinations.chunks(BATCH).zip(headers);
        batches
            .map(|(to, headers)| self.send_batch(to, headers, payload))
            .sum()
    }

    fn send_batch(&self, to: &[libc::sockaddr_in], headers: &[u8], payload: &[u8]) -> u64 {
        // SAFETY: all-zero bytes are valid for these plain C structures.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let part = |bytes: &[u8]| libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let mut parts = [[part(payload); 2]; BATCH];
        let rows = headers.chunks_exact(self.header_len).zip(to);
        for (index, (header, address)) in rows.enumerate() {
            parts[index][0] = part(header);
            let message = &mut messages[index].msg_hdr;
            message.msg_name = std::ptr::from_ref(address).cast_mut().cast();
            message.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            message.msg_iov = parts[index].as_mut_ptr();
            message.msg_iovlen = 2;
        }
        let (fd, count) = (self.egress.as_raw_fd(), to.len() as u32);
        // SAFETY: every pointer in `messages` is to memory that outlives the call.
        let sent = unsafe { libc::sendmmsg(fd, messages.as_mut_ptr(), count, 0) };
        u64::try_from(sent).expect("the datagrams are sent")
    }
}
