//! A bound UDP socket that never blocks.

use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};

use crate::system::Abilities;

/// A bound, non-blocking UDP socket, to be registered with a [`mio::Poll`].
#[derive(Debug)]
pub struct Socket {
    pub(crate) udp: mio::net::UdpSocket,
    pub(crate) ipv6: bool,
    #[cfg_attr(
        not(all(target_os = "linux", not(flumen_portable))),
        expect(dead_code, reason = "only Linux has abilities to keep")
    )]
    pub(crate) abilities: Abilities,
    local: SocketAddr,
    send_buffer_bytes: u32,
    receive_buffer_bytes: u32,
}

/// What to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The local address; port 0 lets the system choose.
    pub address: SocketAddr,
    /// `SO_SNDBUF` in bytes; the system may give less or more.
    pub send_buffer_bytes: Option<u32>,
    /// `SO_RCVBUF` in bytes; the system may give less or more.
    pub receive_buffer_bytes: Option<u32>,
    /// `IPV6_V6ONLY`; without it an IPv6 socket reaches IPv4 peers too. IPv4 sockets ignore it.
    pub ipv6_only: bool,
    /// `SO_REUSEPORT`: several sockets may share the port.
    pub reuse_port: bool,
}

impl Socket {
    /// Binds a socket.
    ///
    /// # Errors
    ///
    /// What the system says: address in use, not available, not permitted ...; `Unsupported` for
    /// `reuse_port` on a system without it.
    pub fn bind(options: &Options) -> io::Result<Self> {
        let domain = Domain::for_address(options.address);
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        options.apply(&socket)?;
        let abilities = Abilities::of(&socket);
        socket.bind(&options.address.into())?;
        let (send, receive) = (socket.send_buffer_size()?, socket.recv_buffer_size()?);
        let udp = mio::net::UdpSocket::from_std(socket.into());
        Ok(Self {
            ipv6: options.address.is_ipv6(),
            abilities,
            local: udp.local_addr()?,
            send_buffer_bytes: u32::try_from(send).unwrap_or(u32::MAX),
            receive_buffer_bytes: u32::try_from(receive).unwrap_or(u32::MAX),
            udp,
        })
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The send buffer it was given, in bytes as the system counts them (Linux doubles what is
    /// asked, for its own bookkeeping).
    pub fn send_buffer_bytes(&self) -> u32 {
        self.send_buffer_bytes
    }

    /// The receive buffer it was given, in bytes as the system counts them.
    pub fn receive_buffer_bytes(&self) -> u32 {
        self.receive_buffer_bytes
    }
}

impl Options {
    pub(crate) fn apply(&self, socket: &socket2::Socket) -> io::Result<()> {
        if self.address.is_ipv6() {
            socket.set_only_v6(self.ipv6_only)?;
        }
        if self.reuse_port {
            share_port(socket)?;
        }
        if let Some(bytes) = self.send_buffer_bytes {
            socket.set_send_buffer_size(bytes as usize)?;
        }
        if let Some(bytes) = self.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes as usize)?;
        }
        Ok(())
    }
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
fn share_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos")))))]
fn share_port(_: &socket2::Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Source for Socket {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.udp.register(registry, token, on)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.udp.reregister(registry, token, on)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.udp.deregister(registry)
    }
}
