//! Packets of IP around what sockets only see the inside of.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use flumen::Passage;
use flumen::components::Protocol;

/// The connections of TCP, with the number of the next byte of each direction.
#[derive(Default)]
pub(crate) struct Connections(BTreeMap<(SocketAddr, SocketAddr), u32>);

const TCP: u8 = 6;
const UDP: u8 = 17;
const TCP_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;
/// Acknowledges, and is to be handed over at once (RFC 9293, section 3.1).
const ACK_AND_PSH: u8 = 0x18;
const HOP_LIMIT: u8 = 64;

impl Connections {
    /// A packet of IP from whom to whom it was.
    pub(crate) fn packet(&mut self, passage: &Passage<'_>) -> Vec<u8> {
        let ends = match passage.outgoing {
            true => (passage.local, passage.remote),
            false => (passage.remote, passage.local),
        };
        let ends = alike(ends);
        match passage.protocol {
            Protocol::Udp => enveloped(UDP, ends, &datagram(ends, passage.bytes)),
            Protocol::Tcp => enveloped(TCP, ends, &self.segment(ends, passage.bytes)),
        }
    }

    /// A frame (RFC 4571) in a segment of its own.
    fn segment(&mut self, (from, to): (SocketAddr, SocketAddr), frame: &[u8]) -> Vec<u8> {
        let acknowledged = self.0.get(&(to, from)).copied().unwrap_or_default();
        let next = self.0.entry((from, to)).or_default();
        let mut segment = Vec::with_capacity(TCP_HEADER_LEN + 2 + frame.len());
        segment.extend(from.port().to_be_bytes());
        segment.extend(to.port().to_be_bytes());
        segment.extend(next.to_be_bytes());
        segment.extend(acknowledged.to_be_bytes());
        // The length of this header in words, flags, a window, and neither checksum nor urgency.
        segment.extend([(TCP_HEADER_LEN as u8 / 4) << 4, ACK_AND_PSH, 0xff, 0xff]);
        segment.extend([0; 4]);
        segment.extend((frame.len() as u16).to_be_bytes());
        segment.extend_from_slice(frame);
        *next = next.wrapping_add(2 + frame.len() as u32);
        let sum = checksum(TCP, (from, to), &segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        segment
    }
}

fn datagram((from, to): (SocketAddr, SocketAddr), bytes: &[u8]) -> Vec<u8> {
    let len = UDP_HEADER_LEN + bytes.len();
    let mut datagram = Vec::with_capacity(len);
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend((len as u16).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend_from_slice(bytes);
    // No sum at all is written as 0 (RFC 768).
    let sum = match checksum(UDP, (from, to), &datagram) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

/// Both ends of one family: a socket that was bound to any address of IPv6 hears those of IPv4, too.
fn alike((from, to): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    let as_v6 = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    match from.is_ipv4() == to.is_ipv4() {
        true => (from, to),
        false => (as_v6(from), as_v6(to)),
    }
}

fn enveloped(protocol: u8, (from, to): (SocketAddr, SocketAddr), inside: &[u8]) -> Vec<u8> {
    let mut packet = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => v4_header(protocol, (from, to), inside.len()),
        (from, to) => v6_header(protocol, (v6(from), v6(to)), inside.len()),
    };
    packet.extend_from_slice(inside);
    packet
}

/// RFC 791, section 3.1.
fn v4_header(protocol: u8, (from, to): (Ipv4Addr, Ipv4Addr), len: usize) -> Vec<u8> {
    const LEN: usize = 20;
    let mut header = vec![0x45, 0];
    header.extend(((LEN + len) as u16).to_be_bytes());
    header.extend([0, 0, 0, 0, HOP_LIMIT, protocol, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = fold(sum(&header));
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

/// RFC 8200, section 3.
fn v6_header(protocol: u8, (from, to): (Ipv6Addr, Ipv6Addr), len: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((len as u16).to_be_bytes());
    header.extend([protocol, HOP_LIMIT]);
    header.extend(from.octets());
    header.extend(to.octets());
    header
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The checksum of UDP and TCP, with the addresses around them (RFC 768, RFC 8200 section 8.1).
fn checksum(protocol: u8, (from, to): (SocketAddr, SocketAddr), inside: &[u8]) -> u16 {
    let address = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    };
    let pseudo = address(from) + address(to) + u64::from(protocol) + inside.len() as u64;
    fold(pseudo + sum(inside))
}

/// The sum of the 16-bit words (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    bytes.chunks(2).map(word).sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
