//! What goes in and out: datagrams and what became of them.

use std::io;
use std::net::SocketAddr;

/// A datagram to send: `header ++ payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub to: SocketAddr,
    /// The first part.
    pub header: &'a [u8],
    /// The second part; may be empty.
    pub payload: &'a [u8],
}

/// What became of a datagram to send.
#[derive(Debug)]
pub enum Fate {
    /// The system took it.
    Sent,
    /// The socket has no room now: this datagram, and all that follow it, may be tried again.
    Blocked,
    /// The system will not send it.
    Failed(io::Error),
}

/// A datagram that was read: where it came from and how much of its slot it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The remote address; an IPv4 peer of an IPv6 socket is an IPv4 address.
    pub source: SocketAddr,
    /// Bytes written to the slot.
    pub len: usize,
    /// The datagram was longer than its slot; the rest is lost.
    pub truncated: bool,
}

/// What one read came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Datagrams read, one in each of the first slots.
    pub datagrams: usize,
    /// Nothing is left to read: the system will signal the next arrival.
    pub drained: bool,
    /// Datagrams that the system dropped since the last read because the socket's receive queue
    /// was full. Learnt from the next datagram after the drop. Always 0 where the system does not
    /// tell.
    pub dropped: u32,
    /// Pending errors that were skipped, such as "connection refused" by way of ICMP.
    pub errors: u32,
}
