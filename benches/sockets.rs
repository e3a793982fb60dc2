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

/// An address as the system takes it.
pub(crate) fn to_sockaddr(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(address) = address else {
        unreachable!("the benches use IPv4")
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
