//! The TCP sockets of the network backend, and their connections.

use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;

use flumen_components::{Inbox, SocketKey};
use flumen_net::{Event, Listener};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::backend::{Outcome, ReceiveLimits, Transmit};
use crate::rotation::{Rotation, Share};
use crate::slots::Slots;
use crate::streams::Streams;

/// Tokens of connections begin here; below are those of sockets, above there is that of the waker.
const CONNECTIONS: usize = usize::MAX / 2;

/// The listening sockets.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    all: Slots<Port>,
    tokens: Tokens,
}

#[derive(Debug)]
struct Port {
    listener: Listener,
    streams: Streams<Connection>,
    /// Bytes that may wait on a connection.
    unsent_bytes: usize,
}

/// An accepted connection.
#[derive(Debug)]
struct Connection {
    tcp: TcpStream,
    token: usize,
}

/// Which connection the system means.
#[derive(Debug, Default)]
struct Tokens {
    names: Vec<Option<(SocketKey, SocketAddr)>>,
    free: Vec<usize>,
}

impl Listeners {
    /// Takes a listening socket in and watches it.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` for a key that is bound; what the system says when it cannot watch more.
    pub(super) fn open(
        &mut self,
        key: SocketKey,
        mut listener: Listener,
        unsent_bytes: usize,
        registry: &Registry,
    ) -> io::Result<()> {
        if !self.all.is_vacant(key) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        registry.register(&mut listener, Token(key.0 as usize), Interest::READABLE)?;
        let port = Port {
            listener,
            streams: Streams::default(),
            unsent_bytes,
        };
        self.all.insert(key, port);
        Ok(())
    }

    pub(super) fn has(&self, key: SocketKey) -> bool {
        !self.all.is_vacant(key)
    }

    pub(super) fn close(&mut self, key: SocketKey, registry: &Registry) {
        let Some(mut port) = self.all.remove(key) else {
            return;
        };
        // Fails only when the system has forgotten the socket, which is what is wanted.
        let _ = registry.deregister(&mut port.listener);
        for (_, connection) in port.streams.carriers() {
            let _ = registry.deregister(&mut connection.tcp);
            self.tokens.give_back(connection.token);
        }
    }

    /// Closes a connection, behind what it takes of what waits.
    pub(super) fn hang_up(&mut self, key: SocketKey, remote: SocketAddr, registry: &Registry) {
        let Some(port) = self.all.get_mut(key) else {
            return;
        };
        port.streams.resume(remote);
        if let Some(connection) = port.streams.close(remote) {
            part(connection, &mut self.tokens, registry);
        }
    }

    /// Takes note of what the system signalled; false when it is of none of these.
    pub(super) fn note(&mut self, event: &Event, rotation: &mut Rotation<SocketKey>) -> bool {
        let token = event.token.0;
        let name = match token.checked_sub(CONNECTIONS) {
            None => Some((SocketKey(token as u32), None)),
            Some(index) => self.tokens.get(index),
        };
        // What was signalled of a connection may be heard of when that is closed.
        let Some((key, remote)) = name else {
            return true;
        };
        let Some(port) = self.all.get_mut(key) else {
            return false;
        };
        match remote {
            None => port.streams.knock(),
            Some(remote) => {
                if event.readable || event.read_closed || event.error {
                    port.streams.wake(remote);
                }
                if event.writable {
                    port.streams.resume(remote);
                }
            }
        }
        if port.streams.enlist() {
            rotation.add(key);
        }
        true
    }

    /// Accepts connections and moves up to `limit` datagrams into the inbox; errors of the socket
    /// itself are counted.
    pub(super) fn read(
        &mut self,
        key: SocketKey,
        (inbox, limits, limit): (&mut Inbox, &ReceiveLimits, usize),
        registry: &Registry,
        errors: &mut u64,
    ) -> Share {
        let port = self.all.get_mut(key).expect("a ready socket is bound");
        let tokens = std::cell::RefCell::new(&mut self.tokens);
        let accept = || {
            let accepted = accept(&port.listener, key, &mut tokens.borrow_mut(), registry);
            match accepted {
                Ok(accepted) => Some(accepted),
                Err(error) => {
                    *errors += u64::from(error.kind() != io::ErrorKind::WouldBlock);
                    None
                }
            }
        };
        let part = |connection| part(connection, &mut tokens.borrow_mut(), registry);
        port.streams.read(key, (inbox, limits, limit), accept, part)
    }

    /// Sends datagrams of one socket, as many as follow each other.
    pub(super) fn send<'a>(
        &mut self,
        key: SocketKey,
        of_socket: impl Iterator<Item = Transmit<'a>>,
        outcomes: &mut Vec<Outcome>,
        rotation: &mut Rotation<SocketKey>,
    ) {
        let port = self.all.get_mut(key).expect("it was asked for");
        port.streams.send(of_socket, port.unsent_bytes, outcomes);
        if port.streams.enlist() {
            rotation.add(key);
        }
    }
}

fn accept(
    listener: &Listener,
    key: SocketKey,
    tokens: &mut Tokens,
    registry: &Registry,
) -> io::Result<(SocketAddr, Connection)> {
    let (mut tcp, remote) = listener.accept()?;
    let token = tokens.take((key, remote));
    // The system signals room only to who found none, so both may be asked for at once.
    let interest = Interest::READABLE | Interest::WRITABLE;
    match registry.register(&mut tcp, Token(CONNECTIONS + token), interest) {
        Ok(()) => Ok((remote, Connection { tcp, token })),
        Err(error) => {
            tokens.give_back(token);
            Err(error)
        }
    }
}

fn part(mut connection: Connection, tokens: &mut Tokens, registry: &Registry) {
    // Fails only when the system has forgotten it, which is what is wanted.
    let _ = registry.deregister(&mut connection.tcp);
    tokens.give_back(connection.token);
}

impl Tokens {
    fn take(&mut self, name: (SocketKey, SocketAddr)) -> usize {
        let token = self.free.pop().unwrap_or_else(|| {
            self.names.push(None);
            self.names.len() - 1
        });
        self.names[token] = Some(name);
        token
    }

    fn give_back(&mut self, token: usize) {
        self.names[token] = None;
        self.free.push(token);
    }

    fn get(&self, token: usize) -> Option<(SocketKey, Option<SocketAddr>)> {
        let (key, remote) = self.names.get(token).copied().flatten()?;
        Some((key, Some(remote)))
    }
}

impl Read for Connection {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(room)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tcp.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
