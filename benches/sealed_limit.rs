//! The limit of the machine with a cipher: `recvfrom`, rewriting, sealing straight from the payload,
//! and `sendmmsg`; a burst to one receiver crosses the network stack as one (GSO).

use std::net::{SocketAddr, UdpSocket};

use flumen::srtp::CryptoSuite;

use crate::bare_cipher::BareCipher;
use crate::messages::{Messages, to_sockaddr};

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
    messages: Messages,
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
            messages: Messages::default(),
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

    fn send_runs(
        &mut self,
        receivers: std::ops::Range<usize>,
        packets: usize,
        segment: usize,
    ) -> u64 {
        let mut flight = self.messages.flight();
        let count = receivers.len();
        for (receiver, run) in self.receivers[receivers].iter().zip(&self.runs) {
            flight.begin(&receiver.0, (packets > 1).then_some(segment as u16));
            flight.part(&run[..packets * segment]);
        }
        flight.send(&self.egress).expect("the datagrams are sent");
        count as u64
    }
}
