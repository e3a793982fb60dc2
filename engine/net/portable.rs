//! One datagram at a time, by what std and mio offer everywhere.

use std::io;
use std::time::Duration;

use mio::Poll;

use crate::address::{canonical, for_family};
use crate::datagram::{Datagram, Fate, Read, Received};
use crate::event::Event;
use crate::{BATCH, Socket};

/// Pending errors that one read skips before it gives up.
const MAX_ERRORS: u32 = 16;

/// What the system can do beyond sending and receiving: nothing that is used here.
#[derive(Debug)]
pub(crate) struct Abilities;

impl Abilities {
    pub(crate) fn of(_: &socket2::Socket) -> Self {
        Self
    }
}

/// The events of one [`poll`].
#[derive(Debug)]
pub struct Events(mio::Events);

impl Events {
    /// Room for `capacity` events; more wait for the next poll.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(mio::Events::with_capacity(capacity))
    }

    /// The events of the last poll.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.0.iter().map(|event| Event {
            token: event.token(),
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            error: event.is_error(),
        })
    }
}

/// Waits for events, at the resolution of mio: most systems round a timeout up to a millisecond.
///
/// # Errors
///
/// Those of [`Poll::poll`].
pub fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    poll.poll(&mut events.0, timeout)
}

/// Reads datagrams.
#[derive(Debug, Default)]
pub struct Receiver {
    received: Vec<Received>,
    /// One byte longer than a slot: what fills it was too long for the slot.
    scratch: Vec<u8>,
}

impl Receiver {
    /// A receiver for any number of sockets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads up to [`BATCH`] datagrams into the slots of `slot_len` bytes that fit in `slots`.
    ///
    /// # Panics
    ///
    /// When `slot_len` is 0.
    pub fn receive(&mut self, socket: &mut Socket, slots: &mut [u8], slot_len: usize) -> Read {
        self.received.clear();
        self.scratch.resize(slot_len + 1, 0);
        let mut read = Read::default();
        for slot in slots.chunks_exact_mut(slot_len).take(BATCH) {
            let Some(received) = self.receive_one(socket, slot, &mut read) else {
                read.drained = true;
                break;
            };
            self.received.push(received);
            read.datagrams += 1;
        }
        read
    }

    /// The datagrams of the last read, in the order of their slots.
    pub fn received(&self) -> impl ExactSizeIterator<Item = Received> + '_ {
        self.received.iter().copied()
    }

    fn receive_one(
        &mut self,
        socket: &Socket,
        slot: &mut [u8],
        read: &mut Read,
    ) -> Option<Received> {
        while read.errors < MAX_ERRORS {
            match socket.udp.recv_from(&mut self.scratch) {
                Ok((len, source)) => {
                    let kept = len.min(slot.len());
                    slot[..kept].copy_from_slice(&self.scratch[..kept]);
                    return Some(Received {
                        source: canonical(source),
                        len: kept,
                        truncated: len > kept,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => read.errors += 1,
            }
        }
        None
    }
}

/// Writes datagrams.
#[derive(Debug, Default)]
pub struct Sender {
    joined: Vec<u8>,
}

impl Sender {
    /// A sender for any number of sockets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends datagrams in order and tells the fate of each, in the same order. After the first
    /// [`Fate::Blocked`] nothing more is tried. Several senders may send by one socket at once.
    pub fn send<'a>(
        &mut self,
        socket: &Socket,
        datagrams: impl IntoIterator<Item = Datagram<'a>>,
        mut fate: impl FnMut(Fate),
    ) {
        let mut blocked = false;
        for datagram in datagrams {
            let outcome = match blocked {
                true => Fate::Blocked,
                false => self.send_one(socket, &datagram),
            };
            blocked = matches!(outcome, Fate::Blocked);
            fate(outcome);
        }
    }

    fn send_one(&mut self, socket: &Socket, datagram: &Datagram<'_>) -> Fate {
        self.joined.clear();
        self.joined.extend_from_slice(datagram.header);
        self.joined.extend_from_slice(datagram.payload);
        let to = for_family(datagram.to, socket.ipv6);
        loop {
            return match socket.udp.send_to(&self.joined, to) {
                Ok(_) => Fate::Sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Fate::Blocked,
                Err(error) => Fate::Failed(error),
            };
        }
    }
}
