//! Who sends to a forwarder on real sockets, and who receives from it.

use std::net::{SocketAddr, UdpSocket};

use flumen::{Engine, TransportId};
use flumen_benches::{SSRC, packet, renumber};

/// Length of the header that the engine sends here: fixed header, MID and abs-send-time.
pub(crate) const OUT_HEADER_LEN: usize = 12 + 4 + 16;

/// The packets that the source sends in one go.
pub(crate) struct Burst {
    datagram: Vec<u8>,
    pub(crate) packets: u16,
    sequence: u16,
    pub(crate) sent: u64,
}

impl Burst {
    pub(crate) fn new(packets: u16) -> Self {
        Self {
            datagram: packet(0, SSRC),
            packets,
            sequence: 0,
            sent: 0,
        }
    }

    pub(crate) fn send(&mut self, source: &UdpSocket, to: SocketAddr) {
        for _ in 0..self.packets {
            self.sequence = self.sequence.wrapping_add(1);
            renumber(&mut self.datagram, self.sequence);
            source
                .send_to(&self.datagram, to)
                .expect("the packet is sent");
            self.sent += 1;
        }
    }
}

/// Receivers that nobody reads: when they are full, the kernel drops at their door.
pub(crate) fn sinks(count: u16) -> Vec<UdpSocket> {
    (0..count).map(|_| socket()).collect()
}

/// The same, at ports that follow each other, and the first of these.
#[allow(dead_code, reason = "for who reckons with ports")]
pub(crate) fn neighbours(count: u16) -> (u16, Vec<UdpSocket>) {
    let bind = |first: u16| {
        let sockets = (first..first + count).map(|port| UdpSocket::bind(("127.0.0.1", port)));
        Some((first, sockets.collect::<Result<_, _>>().ok()?))
    };
    let found = (10_000..30_000).step_by(1_000).find_map(bind);
    found.expect("ports are free")
}

pub(crate) fn socket() -> UdpSocket {
    UdpSocket::bind(("127.0.0.1", 0)).expect("a port is free")
}

pub(crate) fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}

/// Where a transport receives.
pub(crate) fn local(engine: &Engine, transport: TransportId) -> SocketAddr {
    let tuple = engine.tuple(transport).expect("it is open");
    let tuple = tuple.expect("it is plain");
    SocketAddr::from(([127, 0, 0, 1], tuple.local_port))
}
