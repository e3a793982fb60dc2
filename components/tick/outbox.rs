//! The datagrams that leave in this tick: small rows over two arenas.

use std::net::SocketAddr;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::tick::inbox::Inbox;
use crate::tick::refusal::Refusal;
use crate::tick::sealed::Sealed;
use crate::transport::path::{Link, Path};
use crate::transport::socket::SocketKey;
use crate::transport::srtp_session::SrtpSession;

/// Every datagram that this tick wants to send.
///
/// A row is a header written for one receiver (in [`headers`](Self::headers)) and a payload that
/// all receivers share (in the [`Inbox`](crate::Inbox) arena): fanning a packet out touches its
/// payload once. Rows are grouped by destination, in the order in which they must leave.
///
/// A system that adds rows of its own counts them as `generated` in the [`Ledger`](crate::Ledger);
/// one that takes rows out counts them as `refused`, as [`Departures`](crate::Departures) do.
/// Otherwise the ledger does not close, and the system is told so.
#[derive(Resource, Debug, Default)]
pub struct Outbox {
    /// Header bytes, and whole datagrams that the engine generated.
    pub headers: Vec<u8>,
    /// Who rows are for; consecutive rows share an entry.
    pub destinations: Vec<Destination>,
    /// The datagrams.
    pub rows: Vec<Outgoing>,
    /// What was encrypted for the receivers of `rows`.
    sealed: Sealed,
    /// Rows that follow when those in `rows` have left, from `next` on.
    later: Vec<Outgoing>,
    next: usize,
}

/// A receiver of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The transport on whose account it is sent.
    pub transport: Entity,
    /// The socket to send from.
    pub socket: SocketKey,
    /// The address to send to.
    pub address: SocketAddr,
}

crate::snapshot::state! { struct Destination { transport, socket, address } }

impl Destination {
    /// Where the RTP of `transport` goes, whose path this is; nowhere in-process, or before its
    /// remote address is known.
    pub fn of(transport: Entity, path: &Path) -> Option<Self> {
        match path.rtp {
            Link::Udp {
                socket,
                remote: Some(address),
            } => Some(Self {
                transport,
                socket,
                address,
            }),
            _ => None,
        }
    }
}

/// One datagram to send: `header ++ payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Index into [`Outbox::destinations`].
    pub destination: u32,
    /// Offset of the header in [`Outbox::headers`].
    pub header_start: u32,
    /// Offset of the payload in the inbox arena, or of all of it among what was sealed.
    pub payload_start: u32,
    /// Length of the header in bytes.
    pub header_len: u16,
    /// Length of the payload in bytes, 0 for generated datagrams.
    pub payload_len: u16,
    /// Offset in the header of the three bytes of abs-send-time, 0 when it has none.
    pub abs_send_time: u8,
    /// Offset in the header of the two bytes of the transport-wide sequence number, 0 when none.
    pub transport_sequence: u8,
    /// What it counts as in the statistics of its transport.
    pub kind: OutgoingKind,
    /// How many of its bytes protection added: 0 as long as it is not sealed. Written by Flush.
    pub overhead: u8,
}

/// What a datagram counts as in the statistics of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutgoingKind {
    /// Anything but RTP.
    Control,
    /// Audio that is sent for the first time: it never waits for its turn.
    Audio,
    /// Other RTP that is sent for the first time.
    Media,
    /// RTP that is sent again, in a stream of its own (RFC 4588) or as it was.
    Retransmission,
    /// RTP that carries nothing: to try what a path carries.
    Padding,
}

crate::snapshot::state! { enum OutgoingKind { Control, Audio, Media, Retransmission, Padding } }

impl Outgoing {
    /// Length of the datagram in bytes.
    pub fn len(&self) -> u32 {
        u32::from(self.header_len) + u32::from(self.payload_len)
    }

    /// The datagram has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A datagram that the engine made itself: all of it lies among the headers.
    pub fn generated(header_start: u32, header_len: u16) -> Self {
        Self {
            destination: 0,
            header_start,
            payload_start: 0,
            header_len,
            payload_len: 0,
            abs_send_time: 0,
            transport_sequence: 0,
            kind: OutgoingKind::Control,
            overhead: 0,
        }
    }
}

impl Outbox {
    /// An outbox that takes a few datagrams before it grows: reports, requests and media that happen
    /// to leave in one tick.
    pub fn with_some_capacity() -> Self {
        Self {
            headers: Vec::with_capacity(16 << 10),
            destinations: Vec::with_capacity(128),
            rows: Vec::with_capacity(256),
            ..Self::default()
        }
    }

    /// Header and payload of a row, of which the latter lies in `inbox` until it is sealed.
    #[inline]
    pub fn parts<'a>(&'a self, row: &Outgoing, inbox: &'a Inbox) -> (&'a [u8], &'a [u8]) {
        let (header, payload) = (row.header_start as usize, row.payload_start as usize);
        let (header_len, payload_len) = (row.header_len.into(), usize::from(row.payload_len));
        if row.overhead != 0 {
            let sealed = &self.sealed.bytes()[payload..];
            return sealed[..header_len + payload_len].split_at(header_len);
        }
        (
            &self.headers[header..header + header_len],
            &inbox.bytes()[payload..payload + payload_len],
        )
    }

    /// Goes on with the rows behind those that have left: none of them is in
    /// [`rows`](Self::rows) until it is [`pass`](Self::pass)ed on.
    pub fn next_chunk(&mut self) {
        if self.later.is_empty() {
            std::mem::swap(&mut self.rows, &mut self.later);
        } else {
            self.rows.clear();
            self.sealed.clear();
        }
    }

    /// The next row that is to be passed on.
    pub fn upcoming(&self) -> Option<Outgoing> {
        self.later.get(self.next).copied()
    }

    /// Passes on what became of the next row, if anything did.
    pub fn pass(&mut self, row: Option<Outgoing>) {
        self.rows.extend(row);
        self.next += 1;
    }

    /// Passes on the next rows for one destination as they are.
    pub fn pass_run(&mut self, destination: u32) {
        let upcoming = self.later.get(self.next..).unwrap_or_default();
        let run = upcoming
            .iter()
            .take_while(|row| row.destination == destination);
        let before = self.rows.len();
        self.rows.extend(run);
        self.next += self.rows.len() - before;
    }

    /// How many rows are not passed on yet.
    pub fn coming(&self) -> usize {
        self.later.len() - self.next
    }

    /// Seals a row, if it is of a protocol that `session` protects: straight from the payload that
    /// receivers share.
    ///
    /// # Errors
    ///
    /// The reason not to send it.
    pub fn seal(
        &mut self,
        row: &Outgoing,
        inbox: &Inbox,
        session: &mut SrtpSession,
    ) -> Result<Outgoing, Refusal> {
        let room = self.sealed.room(row.sealed_len_max());
        let sealed = row.seal((&self.headers, inbox.bytes()), session, room)?;
        self.sealed.commit(sealed.sealed_len());
        Ok(sealed)
    }

    /// What rows are sealed from, and `len` bytes that they may be sealed into: instead of
    /// [`seal`](Self::seal), for all of a chunk.
    pub fn room(&mut self, len: usize) -> (&[u8], &mut [u8]) {
        (&self.headers, self.sealed.anew(len))
    }

    /// Adds a row for a destination.
    pub fn push_to(&mut self, destination: Destination, row: Outgoing) {
        if self.destinations.last() != Some(&destination) {
            self.destinations.push(destination);
        }
        let destination = self.destinations.len() as u32 - 1;
        self.rows.push(Outgoing { destination, ..row });
    }

    /// Forgets every row and keeps the memory.
    pub fn clear(&mut self) {
        self.headers.clear();
        self.destinations.clear();
        self.rows.clear();
        self.sealed.clear();
        self.later.clear();
        self.next = 0;
    }
}
