//! Socket addresses in the form the kernel reads and writes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// `sockaddr_in` or `sockaddr_in6`, byte for byte: both begin with the family (in the machine's
/// order) and the port (in network order).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4))]
pub(super) struct Name {
    bytes: [u8; Name::CAPACITY as usize],
}

const V4_LEN: u32 = size_of::<libc::sockaddr_in>() as u32;
const V6_LEN: u32 = size_of::<libc::sockaddr_in6>() as u32;

impl Name {
    /// Room for the longer of the two.
    pub(super) const CAPACITY: u32 = V6_LEN;

    pub(super) const EMPTY: Self = Self {
        bytes: [0; Self::CAPACITY as usize],
    };

    pub(super) fn new(address: SocketAddr) -> Self {
        let mut name = Self::EMPTY;
        let bytes = &mut name.bytes;
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                bytes[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&v4.ip().octets());
            }
            SocketAddr::V6(v6) => {
                bytes[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&v6.flowinfo().to_ne_bytes());
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
            }
        }
        name
    }

    /// How much of it the kernel is to read.
    pub(super) fn len(&self) -> u32 {
        match self.family() {
            libc::AF_INET => V4_LEN,
            _ => V6_LEN,
        }
    }

    /// The address; none when the kernel wrote another family's.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let bytes = &self.bytes;
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        match self.family() {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(self.array::<4>(4));
                Some(SocketAddr::from((ip, port)))
            }
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(self.array::<16>(8));
                let flowinfo = u32::from_ne_bytes(self.array(4));
                let scope_id = u32::from_ne_bytes(self.array(24));
                Some(SocketAddrV6::new(ip, port, flowinfo, scope_id).into())
            }
            _ => None,
        }
    }

    fn family(&self) -> i32 {
        i32::from(u16::from_ne_bytes(self.array(0)))
    }

    fn array<const LEN: usize>(&self, at: usize) -> [u8; LEN] {
        std::array::from_fn(|index| self.bytes[at + index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_the_same_thing() {
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 4321, 7, 3);
        for address in [SocketAddr::from(([192, 0, 2, 1], 1234)), scoped.into()] {
            assert_eq!(Name::new(address).address(), Some(address));
        }
        assert_eq!(Name::EMPTY.address(), None);
    }

    #[test]
    fn a_name_is_what_the_socket_library_makes_of_the_address() {
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 4321, 0, 3);
        for address in [SocketAddr::from(([192, 0, 2, 1], 1234)), scoped.into()] {
            let (name, theirs) = (Name::new(address), socket2::SockAddr::from(address));
            assert_eq!(name.len(), theirs.len());
            // SAFETY: the pointer and the length describe the address that `theirs` owns.
            let expected = unsafe {
                std::slice::from_raw_parts(theirs.as_ptr().cast::<u8>(), theirs.len() as usize)
            };
            assert_eq!(&name.bytes[..name.len() as usize], expected);
        }
    }
}
