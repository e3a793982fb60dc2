//! The seam between a tick and the outside: what fills the inbox and drains the outbox.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flumen_components::{
    Destination, Inbox, Outbox, Parked, Protocol, Refusal, SocketKey, Workers,
};

/// A source and sink of datagrams. The engine has two: [`Udp`](crate::Udp) and
/// [`Loopback`](crate::Loopback); everything between Ingest and Flush is the same with both.
pub trait Backend: Send {
    /// Is told, before anything else, of the threads that it may send with. One that has no use for
    /// them ignores it.
    fn work_with(&mut self, workers: &Workers) {
        let _ = workers;
    }

    /// Binds a socket and names it `key`.
    ///
    /// # Errors
    ///
    /// What the system says: address in use, not available, not permitted ...
    fn bind(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound>;

    /// Closes a socket, and the connections of one of TCP; unknown keys are ignored.
    fn close(&mut self, key: SocketKey);

    /// Closes the connection of a TCP socket to `remote`, and tells nothing of that; one that is
    /// closed already is ignored.
    fn hang_up(&mut self, key: SocketKey, remote: SocketAddr);

    /// Moves datagrams that have arrived into the inbox, up to `limits`. The datagrams of a TCP
    /// socket are the frames of its connections (RFC 4571), of which the inbox is told when they
    /// come and go.
    ///
    /// Returns true when something was left behind, so that the next tick follows at once.
    fn receive(&mut self, inbox: &mut Inbox, limits: &ReceiveLimits) -> bool;

    /// Tries to send every datagram of `flight`, and pushes one outcome for each, in the order of
    /// the flight. What goes from one socket to one address is tried in that order.
    ///
    /// A TCP socket never blocks: what a connection does not take waits in the backend, and what is
    /// too much is refused.
    ///
    /// Once a datagram of a socket is [`Outcome::Blocked`], so is every later one from that socket to
    /// the same address in the same flight: their order is kept.
    fn send(&mut self, flight: &Flight<'_>, outcomes: &mut Vec<Outcome>);

    /// Sleeps until a socket is readable, one that was blocked is writable, the waker is called or
    /// `timeout` has passed (`None`: no limit).
    ///
    /// # Errors
    ///
    /// When the system cannot wait at all.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Wakes [`wait`](Self::wait) from another thread.
    fn waker(&self) -> Arc<dyn Wake>;

    /// Datagrams the kernel dropped because a receive queue was full, since the start.
    fn kernel_drops(&self) -> u64;
}

/// Wakes a sleeping backend from any thread.
pub trait Wake: Send + Sync {
    /// Makes the current or the next wait return at once.
    fn wake(&self);
}

/// What to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindRequest {
    /// What is bound: a socket of UDP, or one of TCP that listens.
    pub protocol: Protocol,
    /// The local address; port 0 lets the system choose.
    pub address: SocketAddr,
    /// `SO_SNDBUF` in bytes.
    pub send_buffer_bytes: Option<u32>,
    /// `SO_RCVBUF` in bytes.
    pub receive_buffer_bytes: Option<u32>,
    /// `IPV6_V6ONLY`.
    pub ipv6_only: bool,
    /// `SO_REUSEPORT`: several sockets may share the port.
    pub reuse_port: bool,
    /// Bytes that may wait for the peer of a TCP connection to read.
    pub unsent_bytes_per_connection: usize,
}

/// A bound socket, as the system tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The address it has.
    pub local: SocketAddr,
    /// The send buffer it was given, in bytes.
    pub send_buffer_bytes: u32,
    /// The receive buffer it was given, in bytes.
    pub receive_buffer_bytes: u32,
}

/// How much one tick takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveLimits {
    /// Datagrams from all sockets together.
    pub datagrams_per_tick: usize,
    /// Datagrams from one socket, so that a flooded one delays nobody by more than a tick.
    pub datagrams_per_socket: usize,
    /// Longest datagram that is taken whole, in bytes; the rest of a longer one is cut off.
    pub datagram_bytes: usize,
}

/// What became of a datagram handed to [`Backend::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The backend took it.
    Sent,
    /// The socket would block; it may be tried again.
    Blocked,
    /// It will never be sent.
    Refused(Refusal),
}

/// One datagram on its way out: `header ++ payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// The socket to send from.
    pub socket: SocketKey,
    /// The address to send to.
    pub address: SocketAddr,
    /// The first part of the datagram.
    pub header: &'a [u8],
    /// The second part of the datagram, often shared with others; may be empty.
    pub payload: &'a [u8],
}

/// The datagrams of one flush: those that waited since an earlier tick, then those of this one.
#[derive(Clone, Copy, Debug)]
pub struct Flight<'a> {
    parked: &'a Parked,
    outbox: &'a Outbox,
    inbox: &'a Inbox,
}

impl<'a> Flight<'a> {
    /// A flight over what waited and what this tick made.
    pub fn new(parked: &'a Parked, outbox: &'a Outbox, inbox: &'a Inbox) -> Self {
        Self {
            parked,
            outbox,
            inbox,
        }
    }

    /// How many datagrams there are.
    pub fn len(&self) -> usize {
        self.parked.len() + self.outbox.rows.len()
    }

    /// There is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The socket and the address of the datagram at `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`len`](Self::len).
    pub fn to(&self, index: usize) -> (SocketKey, SocketAddr) {
        let destination = self.destination(index);
        (destination.socket, destination.address)
    }

    /// Where the datagram at `index` goes, and on whose account.
    pub(crate) fn destination(&self, index: usize) -> &'a Destination {
        match index.checked_sub(self.parked.len()) {
            None => self.parked.get(index).0,
            Some(index) => {
                let row = &self.outbox.rows[index];
                &self.outbox.destinations[row.destination as usize]
            }
        }
    }

    /// Tells every datagram, and whether it ends with a tag of SRTP, which depends on all of it: the
    /// same as asking for each, without looking for it.
    #[inline]
    pub(crate) fn each(&self, mut tell: impl FnMut(&Transmit<'a>, bool)) {
        for index in 0..self.parked.len() {
            tell(&self.get(index), false);
        }
        let (headers, payloads) = (&self.outbox.headers[..], self.inbox.bytes());
        for row in &self.outbox.rows {
            let (header, payload) = (row.header_start as usize, row.payload_start as usize);
            let is_sealed = row.overhead != 0;
            let (header, payload) = match is_sealed {
                true => self.outbox.parts(row, self.inbox),
                false => (
                    &headers[header..header + usize::from(row.header_len)],
                    &payloads[payload..payload + usize::from(row.payload_len)],
                ),
            };
            let Destination {
                socket, address, ..
            } = self.outbox.destinations[row.destination as usize];
            let transmit = Transmit {
                socket,
                address,
                header,
                payload,
            };
            tell(&transmit, is_sealed);
        }
    }

    /// The datagram at `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> Transmit<'a> {
        match index.checked_sub(self.parked.len()) {
            None => {
                let (destination, datagram) = self.parked.get(index);
                Transmit {
                    socket: destination.socket,
                    address: destination.address,
                    header: datagram,
                    payload: &[],
                }
            }
            Some(index) => {
                let row = &self.outbox.rows[index];
                let destination = &self.outbox.destinations[row.destination as usize];
                let (header, payload) = self.outbox.parts(row, self.inbox);
                let (socket, address) = (destination.socket, destination.address);
                Transmit {
                    socket,
                    address,
                    header,
                    payload,
                }
            }
        }
    }
}
