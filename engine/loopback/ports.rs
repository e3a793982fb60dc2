//! The sockets of a loopback: who is bound where.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use flumen_components::{Inbox, Origin, SocketKey};

use super::arrivals::Arrivals;
use crate::backend::BindRequest;
use crate::rotation::Share;
use crate::slots::Slots;

/// The first port given to a socket that asks for port 0.
const FIRST_PORT: u16 = 40_000;

/// The bound sockets of one protocol; `T` is what they hold.
#[derive(Debug)]
pub(super) struct Ports<T> {
    bound: Slots<Port<T>>,
    /// By port number, in rising order.
    by_number: BTreeMap<u16, Vec<SocketKey>>,
    next: BTreeMap<IpAddr, u16>,
}

/// One bound socket.
#[derive(Debug)]
pub(super) struct Port<T> {
    pub(super) key: SocketKey,
    local: SocketAddr,
    pub(super) held: T,
    shared: bool,
}

impl<T> Default for Ports<T> {
    fn default() -> Self {
        Self {
            bound: Slots::default(),
            by_number: BTreeMap::new(),
            next: BTreeMap::new(),
        }
    }
}

impl<T> Ports<T> {
    /// # Errors
    ///
    /// `AddrInUse` when the address or, for port 0, every port is taken; `AlreadyExists` for a key
    /// that is bound.
    pub(super) fn bind(
        &mut self,
        key: SocketKey,
        request: &BindRequest,
        held: T,
    ) -> io::Result<SocketAddr> {
        if !self.bound.is_vacant(key) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut local = request.address;
        if local.port() == 0 {
            local.set_port(self.free_port(local.ip())?);
        } else if self.is_taken(local, request.reuse_port) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let port = Port {
            key,
            local,
            held,
            shared: request.reuse_port,
        };
        self.bound.insert(key, port);
        let keys = self.by_number.entry(local.port()).or_default();
        keys.insert(keys.partition_point(|other| *other < key), key);
        Ok(local)
    }

    pub(super) fn close(&mut self, key: SocketKey) {
        let Some(port) = self.bound.remove(key) else {
            return;
        };
        let number = port.local.port();
        if let Some(keys) = self.by_number.get_mut(&number) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_number.remove(&number);
            }
        }
    }

    pub(super) fn local(&self, key: SocketKey) -> Option<SocketAddr> {
        self.bound.get(key).map(|port| port.local)
    }

    pub(super) fn has(&self, key: SocketKey) -> bool {
        !self.bound.is_vacant(key)
    }

    pub(super) fn get_mut(&mut self, key: SocketKey) -> Option<&mut Port<T>> {
        self.bound.get_mut(key)
    }

    /// Who gets a datagram from `from` to `to`: a socket of that very address before one of the
    /// unspecified address; of several that share a port always the same one for a source.
    pub(super) fn reached_by(&mut self, from: SocketAddr, to: SocketAddr) -> Option<&mut Port<T>> {
        let exact = self.at(to.port()).any(|port| port.local == to);
        let reached = |port: &&Port<T>| match exact {
            true => port.local == to,
            false => is_wildcard_of(port.local, to),
        };
        let sharers = self.at(to.port()).filter(reached).count();
        let chosen = usize::from(from.port()).checked_rem(sharers)?;
        let key = self.at(to.port()).filter(reached).nth(chosen)?.key;
        self.get_mut(key)
    }

    /// The sockets bound to a port of whatever address, by rising key.
    fn at(&self, number: u16) -> impl Iterator<Item = &Port<T>> {
        let keys = self.by_number.get(&number).into_iter().flatten();
        keys.filter_map(|&key| self.bound.get(key))
    }

    fn is_taken(&self, wanted: SocketAddr, shared: bool) -> bool {
        self.at(wanted.port()).any(|port| {
            let same = port.local == wanted
                || is_wildcard_of(port.local, wanted)
                || is_wildcard_of(wanted, port.local);
            same && !(shared && port.shared)
        })
    }

    fn free_port(&mut self, ip: IpAddr) -> io::Result<u16> {
        let next = self.next.get(&ip).copied().unwrap_or(FIRST_PORT);
        let free = (next..=u16::MAX)
            .chain(FIRST_PORT..next)
            .find(|&port| !self.is_taken(SocketAddr::new(ip, port), false))
            .ok_or(io::ErrorKind::AddrInUse)?;
        self.next
            .insert(ip, free.checked_add(1).unwrap_or(FIRST_PORT));
        Ok(free)
    }
}

impl<T> Port<T> {
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }
}

impl Port<Arrivals> {
    /// Moves up to `limit` datagrams into the inbox, each cut to `datagram_bytes`.
    pub(super) fn read(&mut self, inbox: &mut Inbox, limit: usize, datagram_bytes: usize) -> Share {
        let mut taken = 0;
        while taken < limit
            && let Some(arrival) = self.held.front()
        {
            let kept = arrival.len.min(datagram_bytes);
            let start = inbox.cursor();
            self.held.pop(inbox.reserve(kept));
            let origin = Origin::Network {
                socket: self.key,
                source: arrival.source,
            };
            inbox.commit(origin, start..start + kept, kept < arrival.len);
            taken += 1;
        }
        let more = !self.held.is_empty();
        Share { taken, more }
    }
}

fn is_wildcard_of(wildcard: SocketAddr, address: SocketAddr) -> bool {
    wildcard.ip().is_unspecified()
        && wildcard.port() == address.port()
        && wildcard.is_ipv4() == address.is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(address: &str) -> BindRequest {
        BindRequest {
            protocol: flumen_components::Protocol::Udp,
            address: address.parse().unwrap(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            ipv6_only: false,
            reuse_port: false,
            unsent_bytes_per_connection: 0,
        }
    }

    fn bind(ports: &mut Ports<()>, key: u32, address: &str) -> io::Result<SocketAddr> {
        ports.bind(SocketKey(key), &request(address), ())
    }

    #[test]
    fn port_0_becomes_the_next_free_port_of_the_address() {
        let mut ports = Ports::<()>::default();
        let taken = bind(&mut ports, 0, "10.0.0.1:40001").unwrap();
        assert_eq!(taken.port(), 40_001);
        let given = [(1, "10.0.0.1:0"), (2, "10.0.0.1:0"), (3, "10.0.0.2:0")]
            .map(|(key, address)| bind(&mut ports, key, address).unwrap().port());
        assert_eq!(given, [40_000, 40_002, 40_000]);
    }

    #[test]
    fn a_bound_address_is_in_use_until_it_closes() {
        let mut ports = Ports::<()>::default();
        bind(&mut ports, 0, "10.0.0.1:5000").unwrap();
        for taken in ["10.0.0.1:5000", "0.0.0.0:5000"] {
            let error = bind(&mut ports, 1, taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        bind(&mut ports, 1, "10.0.0.2:5000").unwrap();
        ports.close(SocketKey(0));
        bind(&mut ports, 2, "10.0.0.1:5000").unwrap();
    }

    #[test]
    fn sockets_that_share_a_port_split_the_sources() {
        let mut ports = Ports::<()>::default();
        let mut shared = request("10.0.0.1:5000");
        shared.reuse_port = true;
        ports.bind(SocketKey(0), &shared, ()).unwrap();
        ports.bind(SocketKey(1), &shared, ()).unwrap();
        let mut reach = |port| {
            let from = SocketAddr::from(([10, 0, 0, 9], port));
            ports.reached_by(from, shared.address).unwrap().key.0
        };
        assert_eq!([reach(6000), reach(6001), reach(6000)], [0, 1, 0]);
    }

    #[test]
    fn an_exact_address_comes_before_the_unspecified_one() {
        let mut ports = Ports::<()>::default();
        bind(&mut ports, 0, "0.0.0.0:5000").unwrap();
        let from = SocketAddr::from(([10, 0, 0, 9], 6000));
        let to = SocketAddr::from(([10, 0, 0, 1], 5000));
        assert_eq!(ports.reached_by(from, to).unwrap().key, SocketKey(0));
        let elsewhere = SocketAddr::from(([10, 0, 0, 1], 5001));
        assert!(ports.reached_by(from, elsewhere).is_none());
    }
}
