//! Those who take part in rooms: they send by turns, and really receive.

use std::net::{SocketAddr, UdpSocket};

use flumen_benches::PACKET_LEN;

use crate::layout::{Layout, PAYLOAD_TYPE, ssrc};

/// From one sender to the next: no divisor in common with how many there are.
const STEP: usize = 67;

/// Sockets, and the next packet of each.
pub(crate) struct People {
    sockets: Vec<UdpSocket>,
    packets: Vec<Vec<u8>>,
    turn: usize,
    sent: u64,
}

/// The first of so many free ports.
pub(crate) fn first_port(count: u16) -> u16 {
    let all_free = |first: &u16| {
        let bind = |port| UdpSocket::bind(("127.0.0.1", port));
        (*first..first + count).map(bind).all(|bound| bound.is_ok())
    };
    let found = (10_000..30_000).step_by(1_000).find(all_free);
    found.expect("ports are free")
}

impl People {
    /// Those of a layout, in memory alone.
    pub(crate) fn imaginary(layout: &Layout) -> Self {
        let packet = |sender| {
            let mut packet = vec![0x80, PAYLOAD_TYPE, 0, 0, 0, 0, 0, 0];
            packet.extend(ssrc(sender).to_be_bytes());
            packet.resize(PACKET_LEN, 0x5a);
            packet
        };
        Self {
            sockets: Vec::new(),
            packets: (0..layout.senders.len()).map(packet).collect(),
            turn: 0,
            sent: 0,
        }
    }

    /// Those of a layout, on their ports.
    pub(crate) fn real(layout: &Layout) -> Self {
        let bind = |port| {
            let socket = UdpSocket::bind(("127.0.0.1", port))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let sockets: std::io::Result<Vec<_>> = layout.ports().map(bind).collect();
        Self {
            sockets: sockets.expect("the ports are free"),
            ..Self::imaginary(layout)
        }
    }

    /// The next packet, and whose it is.
    pub(crate) fn next(&mut self) -> (usize, &[u8]) {
        let sender = self.turn();
        (sender, &self.packets[sender])
    }

    /// Sends the next packet.
    pub(crate) fn send(&mut self, entrances: &[SocketAddr]) {
        let sender = self.turn();
        self.sockets[sender]
            .send_to(&self.packets[sender], entrances[sender])
            .expect("the packet is sent");
    }

    /// Whose turn it is: neighbours in time are in different rooms.
    fn turn(&mut self) -> usize {
        let count = self.packets.len();
        let (sender, round) = (self.turn * STEP % count, self.turn / count);
        self.turn += 1;
        self.sent += 1;
        let packet = &mut self.packets[sender];
        packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(round as u32).wrapping_mul(960).to_be_bytes());
        sender
    }

    /// Receives all that has come: how many packets that was.
    pub(crate) fn receive(&self) -> u64 {
        let mut bytes = [0; 2_048];
        let mut received = 0;
        for socket in &self.sockets {
            while let Ok(len) = socket.recv(&mut bytes) {
                received += u64::from(crate::packet::payload_start(&bytes[..len]).is_some());
            }
        }
        received
    }

    /// How many packets were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }
}
