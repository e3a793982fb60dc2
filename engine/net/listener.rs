//! A listening TCP socket that never blocks.

use std::io;
use std::net::SocketAddr;

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};

use crate::address::canonical;
use crate::socket::Options;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Bytes of a connection that the system takes beyond those that are under way: what waits is to
/// wait where it is counted.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 << 10;

/// A listening, non-blocking TCP socket, to be registered with a [`mio::Poll`].
#[derive(Debug)]
pub struct Listener {
    tcp: mio::net::TcpListener,
    local: SocketAddr,
    send_buffer_bytes: u32,
    receive_buffer_bytes: u32,
}

impl Listener {
    /// Binds a socket and listens. Connections have the buffers that are asked for.
    ///
    /// # Errors
    ///
    /// What the system says: address in use, not available, not permitted ...; `Unsupported` for
    /// `reuse_port` on a system without it.
    pub fn bind(options: &Options) -> io::Result<Self> {
        let domain = Domain::for_address(options.address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        options.apply(&socket)?;
        // Or the port of a program that ended could not be bound for minutes. On Windows the same
        // option would let others take the port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.bind(&options.address.into())?;
        socket.listen(BACKLOG)?;
        let (send, receive) = (socket.send_buffer_size()?, socket.recv_buffer_size()?);
        let tcp = mio::net::TcpListener::from_std(socket.into());
        Ok(Self {
            local: tcp.local_addr()?,
            send_buffer_bytes: u32::try_from(send).unwrap_or(u32::MAX),
            receive_buffer_bytes: u32::try_from(receive).unwrap_or(u32::MAX),
            tcp,
        })
    }

    /// Accepts a connection, from the address that comes with it: an IPv4 peer of an IPv6 socket is
    /// an IPv4 address. Small writes leave at once.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nobody wants to connect; what the system says otherwise: too many open
    /// files, usually.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.tcp.accept() {
                Ok((stream, remote)) => {
                    // Without it datagrams are late, and come all the same.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, canonical(remote)));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The send buffer of connections, in bytes as the system counts them.
    pub fn send_buffer_bytes(&self) -> u32 {
        self.send_buffer_bytes
    }

    /// The receive buffer of connections, in bytes as the system counts them.
    pub fn receive_buffer_bytes(&self) -> u32 {
        self.receive_buffer_bytes
    }
}

/// It was closed before it was accepted; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.tcp.register(registry, token, on)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.tcp.reregister(registry, token, on)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.tcp.deregister(registry)
    }
}
