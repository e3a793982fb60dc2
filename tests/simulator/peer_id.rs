//! Who is who in a room.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A peer of a [`Room`](crate::Room): how many had joined before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerId(pub(crate) usize);

const PORT: u16 = 5_000;

impl PeerId {
    /// How many peers had joined before it.
    pub fn index(self) -> usize {
        self.0
    }

    /// Where it sends from and is reached.
    pub fn address(self) -> SocketAddr {
        let [_, a, b, c] = (self.0 as u32 + 1).to_be_bytes();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), PORT)
    }

    /// Who is reached at `address`.
    pub(crate) fn at(address: SocketAddr) -> Option<Self> {
        let IpAddr::V4(ip) = address.ip() else {
            return None;
        };
        let [net, a, b, c] = ip.octets();
        let index = u32::from_be_bytes([0, a, b, c]).checked_sub(1)?;
        (net == 10 && address.port() == PORT).then_some(Self(index as usize))
    }

    /// The first SSRC of what it sends as its medium number `medium`; every encoding has one more
    /// for what it sends again.
    pub(crate) fn ssrc(self, medium: usize) -> u32 {
        0x1000_0000 | (self.0 as u32) << 10 | (medium as u32) << 4
    }

    /// The SSRC that it reports with.
    pub(crate) fn reporter(self) -> u32 {
        0x0100_0000 | self.0 as u32
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer {}", self.0)
    }
}
