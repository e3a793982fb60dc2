//! Transports: where media enters and leaves.

use std::net::SocketAddr;

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use serde::{Deserialize, Serialize};

use crate::transport::socket::SocketKey;

/// What kind of transport an entity is. Its identifier is a
/// [`TransportId`](crate::TransportId) beside it.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TransportKind {
    /// Plain RTP over UDP.
    Plain,
    /// ICE, DTLS and SRTP, as browsers speak them.
    #[serde(rename = "webrtc")]
    WebRtc,
    /// In-process: the application sends and receives packets itself.
    Direct,
}

crate::snapshot::state! { enum TransportKind { Plain, WebRtc, Direct } }

/// The transport that a producer or consumer belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Residents)]
pub struct OnTransport(pub Entity);

crate::snapshot::state! { struct OnTransport(it) }

/// The producers and consumers of a transport, in no order.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = OnTransport)]
pub struct Residents(EntityHashSet);

/// Where a transport's datagrams come from and go to.
///
/// Written by `connect` and, in comedia mode, by Demux; read by Demux, Forward and Feedback.
#[derive(Component, Clone, Debug)]
pub struct Path {
    /// The way of RTP, and of RTCP when multiplexed.
    pub rtp: Link,
    /// The way of RTCP (RFC 5761: the same as RTP's when multiplexed).
    pub rtcp: Link,
    /// RTP and RTCP share a way.
    pub rtcp_mux: bool,
    /// Remote addresses are learnt from the first valid packet.
    pub comedia: bool,
    /// The next transport-wide sequence number to send with.
    pub transport_sequence: u16,
    /// Datagrams of this transport that wait for a blocked socket.
    pub waiting: u32,
}

crate::snapshot::state! {
    struct Path {
        rtp, rtcp, rtcp_mux, comedia, transport_sequence, waiting
    }
}

/// One way to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// To the application itself.
    Direct,
    /// Over a socket: of UDP, or a listener of TCP, whose connections are told apart by their remote
    /// address.
    Udp {
        /// The local socket.
        socket: SocketKey,
        /// The remote address, once known.
        remote: Option<SocketAddr>,
    },
}

crate::snapshot::state! { enum Link { Direct, Udp { socket, remote } } }

/// Which of a transport's ways a datagram took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// RTP, and RTCP when multiplexed.
    Rtp,
    /// RTCP alone.
    Rtcp,
}

crate::snapshot::state! { enum Role { Rtp, Rtcp } }

impl Path {
    /// The way of `role`.
    pub fn link(&self, role: Role) -> Link {
        match role {
            Role::Rtp => self.rtp,
            Role::Rtcp => self.rtcp,
        }
    }

    /// Media can leave.
    pub fn is_connected(&self) -> bool {
        !matches!(self.rtp, Link::Udp { remote: None, .. })
    }

    /// RTP and RTCP both go from `socket` to `remote` from now on.
    pub fn lead(&mut self, socket: SocketKey, remote: SocketAddr) {
        let remote = Some(remote);
        self.rtp = Link::Udp { socket, remote };
        self.rtcp = self.rtp;
    }

    /// There is nobody to send to any more.
    pub fn lose(&mut self) {
        for link in [&mut self.rtp, &mut self.rtcp] {
            if let Link::Udp { remote, .. } = link {
                *remote = None;
            }
        }
    }

    /// Sets the remote address of `role`'s way, and of both when they are one.
    pub fn set_remote(&mut self, role: Role, address: SocketAddr) {
        if role == Role::Rtp || self.rtcp_mux {
            self.rtp.set_remote(address);
        }
        if role == Role::Rtcp || self.rtcp_mux {
            self.rtcp.set_remote(address);
        }
    }
}

impl Link {
    /// The remote address, once known.
    pub fn remote(self) -> Option<SocketAddr> {
        match self {
            Self::Direct => None,
            Self::Udp { remote, .. } => remote,
        }
    }

    /// The local socket, when there is one.
    pub fn socket(self) -> Option<SocketKey> {
        match self {
            Self::Direct => None,
            Self::Udp { socket, .. } => Some(socket),
        }
    }

    fn set_remote(&mut self, address: SocketAddr) {
        if let Self::Udp { remote, .. } = self {
            *remote = Some(address);
        }
    }
}

/// A pair of addresses, as `tuple` events and getters tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tuple {
    /// The announced address, or the local IP address.
    pub local_address: String,
    /// The local port.
    pub local_port: u16,
    /// The remote IP address, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// The remote port, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u16>,
    /// "udp"; "tcp" on WebRTC transports only.
    pub protocol: Protocol,
}

impl Tuple {
    /// The local address; none when a host name is announced instead of it.
    pub fn local(&self) -> Option<SocketAddr> {
        let ip = self.local_address.parse().ok()?;
        Some(SocketAddr::new(ip, self.local_port))
    }

    /// The remote address, once known.
    pub fn remote(&self) -> Option<SocketAddr> {
        let ip = self.remote_ip.as_deref()?.parse().ok()?;
        Some(SocketAddr::new(ip, self.remote_port?))
    }
}

/// The protocol below RTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// UDP.
    #[default]
    Udp,
    /// TCP, with the framing of RFC 4571: WebRTC transports only.
    Tcp,
}

crate::snapshot::state! { enum Protocol { Udp, Tcp } }

/// What a transport calls its local addresses: cold, read when a tuple is shown.
#[derive(Component, Clone, Debug, PartialEq, Eq)]
pub struct LocalAddresses {
    /// Of the RTP way.
    pub rtp: LocalAddress,
    /// Of the RTCP way.
    pub rtcp: LocalAddress,
}

crate::snapshot::state! { struct LocalAddresses { rtp, rtcp } }

/// A local address and the name it is announced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address the socket is bound to.
    pub bound: SocketAddr,
    /// What to tell others instead of its IP address.
    pub announced: Option<String>,
}

crate::snapshot::state! { struct LocalAddress { bound, announced } }

impl LocalAddress {
    /// The pair of this address and `remote`.
    pub fn tuple(&self, remote: Option<SocketAddr>) -> Tuple {
        Tuple {
            local_address: self
                .announced
                .clone()
                .unwrap_or_else(|| self.bound.ip().to_string()),
            local_port: self.bound.port(),
            remote_ip: remote.map(|remote| remote.ip().to_string()),
            remote_port: remote.map(|remote| remote.port()),
            protocol: Protocol::Udp,
        }
    }
}

/// What a transport's next children are called.
#[derive(Component, Clone, Debug, Default)]
pub struct Naming {
    /// The canonical name (RFC 3550 section 6.5.1) that all its producers share: the first one
    /// given.
    pub cname: Option<String>,
    /// The MID of the next consumer.
    pub next_mid: u32,
}

crate::snapshot::state! { struct Naming { cname, next_mid } }
