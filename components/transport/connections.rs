//! The connections of a TCP socket at which WebRTC transports are reached (RFC 6544).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::tick::limits::Limits;
use crate::tick::time::Time;
use crate::transport::ice_agent::IceTuple;

/// A connection came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionChange {
    /// It was accepted.
    Opened(IceTuple),
    /// The other side closed it, or it broke.
    Ended(IceTuple),
}

/// The connections of a TCP socket. Their remote addresses are chosen by others, but there are no
/// more than [`Limits::tcp_connections_per_socket`]. Written by Demux and between ticks.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    open: BTreeSet<SocketAddr>,
    /// Those by which no check of a transport has come, the oldest first.
    unproven: VecDeque<(Time, SocketAddr)>,
    armed: bool,
}

crate::snapshot::state! { struct Connections { open, unproven, armed } }

impl Connections {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Where they come from.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.open.iter().copied()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// One was accepted; the one that must make room, if there are too many: of those that have proven
    /// nothing, the oldest from the address from which most come, so that who connects again and again
    /// keeps out nobody else.
    pub fn open(&mut self, remote: SocketAddr, now: Time, limits: &Limits) -> Option<SocketAddr> {
        if self.open.insert(remote) {
            self.unproven.push_back((now, remote));
        }
        let too_many = self.open.len() > limits.tcp_connections_per_socket
            || self.unproven.len() > limits.tcp_unproven_connections_per_socket;
        too_many.then(|| self.most_crowded()).flatten()
    }

    fn most_crowded(&self) -> Option<SocketAddr> {
        let mut counts = BTreeMap::<IpAddr, usize>::new();
        for (_, remote) in &self.unproven {
            *counts.entry(remote.ip()).or_default() += 1;
        }
        let most = counts.values().max()?;
        let mut oldest_first = self.unproven.iter().map(|&(_, remote)| remote);
        oldest_first.find(|remote| counts.get(&remote.ip()) == Some(most))
    }

    /// A check of a transport came by it.
    pub fn prove(&mut self, remote: SocketAddr) {
        self.unproven.retain(|&(_, unproven)| unproven != remote);
    }

    /// It is no more; false when it was not known.
    pub fn close(&mut self, remote: SocketAddr) -> bool {
        self.prove(remote);
        self.open.remove(&remote)
    }

    /// One that has proven nothing in time.
    pub fn overdue(&self, now: Time, limits: &Limits) -> Option<SocketAddr> {
        let &(since, remote) = self.unproven.front()?;
        (since + limits.tcp_unproven_timeout() <= now).then_some(remote)
    }

    /// When the next one will be overdue, unless that is set as a deadline already.
    pub fn arm(&mut self, limits: &Limits) -> Option<Time> {
        let &(since, _) = self.unproven.front()?;
        let is_armed = std::mem::replace(&mut self.armed, true);
        (!is_armed).then(|| since + limits.tcp_unproven_timeout())
    }

    /// The deadline fired.
    pub fn disarm(&mut self) {
        self.armed = false;
    }
}
