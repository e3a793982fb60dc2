//! One peer, one address: IPv4 peers of IPv6 sockets.

use std::net::{IpAddr, SocketAddr};

/// An IPv4 address that an IPv6 socket tells as `::ffff:a.b.c.d`, as IPv4; others as they are.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}

/// The address in the form that a socket of this family sends to.
pub(crate) fn for_family(address: SocketAddr, ipv6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if ipv6 => SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port())),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_peer_of_an_ipv6_socket_keeps_its_address() {
        let v4 = SocketAddr::from(([192, 0, 2, 1], 5000));
        let mapped = for_family(v4, true);
        assert_eq!(mapped.to_string(), "[::ffff:192.0.2.1]:5000");
        assert_eq!(canonical(mapped), v4);
        assert_eq!(for_family(v4, false), v4);
    }

    #[test]
    fn an_ipv6_address_stays_as_it_is() {
        let v6 = SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, 1], 5000));
        assert_eq!(canonical(v6), v6);
        assert_eq!(for_family(v6, true), v6);
    }
}
