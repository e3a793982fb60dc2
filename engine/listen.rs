//! Where transports listen, and how their sockets are bound.

use std::io;
use std::net::{IpAddr, SocketAddr};

use flumen_components::{Limits, Protocol, Purpose, Seed, Socket, SocketId, SocketKey, Sockets};
use flumen_systems::control::SocketRecord;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::backend::BindRequest;
use crate::engine::Engine;

/// Where to listen, and what to call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenInfo {
    /// UDP, or TCP for WebRTC transports and servers (RFC 6544: their peers connect).
    #[serde(default)]
    pub protocol: Protocol,
    /// The local IP address.
    pub ip: IpAddr,
    /// What to tell others instead of the IP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced_address: Option<String>,
    /// With an announced address: a WebRTC transport tells the local one too, to be preferred less.
    #[serde(default)]
    pub expose_internal_ip: bool,
    /// The local port; when it is 0, one of the range.
    #[serde(default)]
    pub port: u16,
    /// The ports to choose from; that of the builder when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_range: Option<PortRange>,
    /// Socket options.
    #[serde(default)]
    pub flags: SocketFlags,
    /// `SO_SNDBUF` in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_buffer_size: Option<u32>,
    /// `SO_RCVBUF` in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recv_buffer_size: Option<u32>,
}

/// Ports to choose from, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange {
    /// The first port.
    pub min: u16,
    /// The last port.
    pub max: u16,
}

/// Options of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SocketFlags {
    /// IPv6 only, not IPv4 through IPv6.
    pub ipv6_only: bool,
    /// Several sockets may share the port (`SO_REUSEPORT`).
    pub udp_reuse_port: bool,
}

/// Where one way of a transport ends locally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Listen {
    /// On a socket of its own.
    Own(ListenInfo),
    /// On a socket shared with other transports.
    Shared(SocketId),
}

/// A socket cannot be bound.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// Only WebRTC transports and servers speak TCP.
    #[error("only WebRTC transports speak TCP")]
    TcpUnsupported,
    /// The range of ports is empty.
    #[error("the port range {min} to {max} is empty")]
    EmptyPortRange {
        /// The first port.
        min: u16,
        /// The last port.
        max: u16,
    },
    /// Every port of the range is in use.
    #[error("no port of {min} to {max} is free on {ip}")]
    NoFreePort {
        /// The local IP address.
        ip: IpAddr,
        /// The first port.
        min: u16,
        /// The last port.
        max: u16,
    },
    /// The system refused.
    #[error("cannot bind to {address}: {source}")]
    System {
        /// The local address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenInfo {
    /// Listens on `ip`, at a port of the builder's range.
    pub fn new(ip: IpAddr) -> Self {
        Self {
            protocol: Protocol::Udp,
            ip,
            announced_address: None,
            expose_internal_ip: false,
            port: 0,
            port_range: None,
            flags: SocketFlags::default(),
            send_buffer_size: None,
            recv_buffer_size: None,
        }
    }

    /// Listens on `address`.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            port: address.port(),
            ..Self::new(address.ip())
        }
    }
}

impl Engine {
    /// Binds a UDP socket for `info`. Give it back with `release` if it comes to nothing.
    pub(crate) fn bind_udp(&mut self, info: &ListenInfo) -> Result<SocketRecord, BindError> {
        match info.protocol {
            Protocol::Udp => self.bind(info),
            Protocol::Tcp => Err(BindError::TcpUnsupported),
        }
    }

    /// Binds a socket for `info`, of UDP or TCP. Give it back with `release`, too.
    pub(crate) fn bind(&mut self, info: &ListenInfo) -> Result<SocketRecord, BindError> {
        let key = self.world.resource_mut::<Sockets>().reserve();
        let bound = match info.port {
            0 => self.bind_in_range(key, info),
            port => self.bind_at(key, info, port),
        };
        match bound {
            Ok(local) => {
                let announced = info.announced_address.clone();
                Ok(SocketRecord {
                    socket: Socket { key, local },
                    announced,
                })
            }
            Err(error) => {
                self.world.resource_mut::<Sockets>().remove(key);
                Err(error)
            }
        }
    }

    /// Closes a socket that was bound and not used.
    pub(crate) fn release(&mut self, record: &SocketRecord) {
        self.network.backend.close(record.socket.key);
        self.world
            .resource_mut::<Sockets>()
            .remove(record.socket.key);
    }

    fn bind_at(
        &mut self,
        key: SocketKey,
        info: &ListenInfo,
        port: u16,
    ) -> Result<SocketAddr, BindError> {
        let address = SocketAddr::new(info.ip, port);
        let limits = self.world.resource::<Limits>();
        let request = BindRequest {
            protocol: info.protocol,
            address,
            send_buffer_bytes: info.send_buffer_size,
            receive_buffer_bytes: info.recv_buffer_size,
            ipv6_only: info.flags.ipv6_only,
            reuse_port: info.flags.udp_reuse_port,
            unsent_bytes_per_connection: limits.tcp_unsent_bytes_per_connection,
        };
        match self.network.bind(key, &request) {
            Ok(bound) => Ok(bound.local),
            Err(source) => Err(BindError::System { address, source }),
        }
    }

    /// Tries the ports of the range, beginning somewhere in it, until one is free.
    fn bind_in_range(
        &mut self,
        key: SocketKey,
        info: &ListenInfo,
    ) -> Result<SocketAddr, BindError> {
        let (min, max) = info
            .port_range
            .map_or(self.port_range, |range| (range.min, range.max));
        if min == 0 || min > max {
            return Err(BindError::EmptyPortRange { min, max });
        }
        let ports = u32::from(max - min) + 1;
        let first = self.first_port(ports);
        for offset in 0..ports {
            let port = min + ((first + offset) % ports) as u16;
            match self.bind_at(key, info, port) {
                Err(BindError::System { source, .. })
                    if source.kind() == io::ErrorKind::AddrInUse => {}
                bound => return bound,
            }
        }
        Err(BindError::NoFreePort {
            ip: info.ip,
            min,
            max,
        })
    }

    fn first_port(&self, ports: u32) -> u32 {
        let next = flumen_components::Created(
            self.world
                .resource::<flumen_components::CreationSequence>()
                .0,
        );
        self.world
            .resource::<Seed>()
            .generator(next, Purpose::Port)
            .within(0..=ports - 1)
    }
}
