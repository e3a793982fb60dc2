//! The datagrams of this tick, in one arena.

use std::net::SocketAddr;
use std::ops::Range;

use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;

use crate::tick::limits::Limits;
use crate::transport::connections::ConnectionChange;
use crate::transport::socket::SocketKey;

/// Every datagram that entered in this tick: rows over one byte arena.
///
/// Filled in Ingest (by the backend) and by direct sends between ticks, read by every later stage,
/// emptied after Flush. Capacity is kept, so a steady state allocates nothing.
#[derive(Resource, Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    used: usize,
    datagrams: Vec<Datagram>,
    connections: Vec<ConnectionChange>,
    late: Late,
    // Never iterated: its order is that of a hash.
    sent: EntityHashMap<usize>,
    sent_in_all: usize,
}

/// What systems add once the datagrams of this tick are taken: it belongs to the next.
#[derive(Debug, Default)]
struct Late {
    bytes: Vec<u8>,
    rows: Vec<(Origin, usize)>,
}

/// As much was sent as one tick takes, from one transport or in all: so many packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxFull(pub usize);

/// One datagram: where it came from and where its bytes lie in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// How it entered.
    pub origin: Origin,
    /// Offset of its first byte in the arena.
    pub start: u32,
    /// Its length in bytes (of what was kept, when `truncated`).
    pub len: u32,
    /// It was longer than the receive slot, so its end is missing.
    pub truncated: bool,
}

/// How a datagram entered the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the network.
    Network {
        /// The socket that received it.
        socket: SocketKey,
        /// The remote address.
        source: SocketAddr,
    },
    /// Handed over by the application.
    Direct {
        /// The direct transport it was sent on.
        transport: Entity,
    },
    /// Added by a system of the application.
    Injected {
        /// The transport that it comes from, as it were.
        transport: Entity,
    },
}

impl Datagram {
    /// The byte range of the datagram in the arena.
    pub fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Inbox {
    /// Initialised space for `len` bytes behind what is used, for a backend to write into.
    ///
    /// Follow with [`commit`](Self::commit) for each datagram written, in rising order of offset.
    pub fn reserve(&mut self, len: usize) -> &mut [u8] {
        let end = self.used + len;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.used..end]
    }

    /// The arena offset at which the next [`reserve`](Self::reserve) begins.
    pub fn cursor(&self) -> usize {
        self.used
    }

    /// Records a datagram whose bytes lie at `range` of the arena.
    ///
    /// # Panics
    ///
    /// When the range was not reserved: a mistake of the backend, never of a peer.
    pub fn commit(&mut self, origin: Origin, range: Range<usize>, truncated: bool) {
        assert!(
            range.end <= self.bytes.len(),
            "a datagram lies inside the reserved arena"
        );
        let start = u32::try_from(range.start).expect("the arena of one tick is below 4 GiB");
        self.used = self.used.max(range.end);
        self.datagrams.push(Datagram {
            origin,
            start,
            len: range.len() as u32,
            truncated,
        });
    }

    /// Copies a datagram in: for simulated links and direct sends.
    pub fn push(&mut self, origin: Origin, datagram: &[u8]) {
        self.push_cut(origin, datagram, false);
    }

    /// Copies a datagram in, of which the end may be missing: for streams.
    pub fn push_cut(&mut self, origin: Origin, datagram: &[u8], truncated: bool) {
        let start = self.used;
        self.reserve(datagram.len()).copy_from_slice(datagram);
        self.commit(origin, start..start + datagram.len(), truncated);
    }

    /// Takes in what the application sends, by itself or by a system of it.
    ///
    /// # Errors
    ///
    /// [`InboxFull`] at [`Limits::direct_sends_per_transport`] or
    /// [`Limits::direct_sends_per_tick`].
    pub fn send(
        &mut self,
        origin: Origin,
        datagram: &[u8],
        limits: &Limits,
    ) -> Result<(), InboxFull> {
        self.count(origin, limits)?;
        self.push(origin, datagram);
        Ok(())
    }

    /// Takes in what a system sends once the datagrams of this tick are taken: the next tick takes
    /// it.
    ///
    /// # Errors
    ///
    /// [`InboxFull`], with what this tick took counted, too.
    pub fn send_late(
        &mut self,
        origin: Origin,
        datagram: &[u8],
        limits: &Limits,
    ) -> Result<(), InboxFull> {
        self.count(origin, limits)?;
        self.late.bytes.extend_from_slice(datagram);
        self.late.rows.push((origin, datagram.len()));
        Ok(())
    }

    fn count(&mut self, origin: Origin, limits: &Limits) -> Result<(), InboxFull> {
        let (Origin::Direct { transport } | Origin::Injected { transport }) = origin else {
            return Ok(());
        };
        let sent = self.sent.entry(transport).or_default();
        let of_one = limits.direct_sends_per_transport;
        let of_all = limits.direct_sends_per_tick;
        if *sent >= of_one || self.sent_in_all >= of_all {
            let reached = if *sent >= of_one { of_one } else { of_all };
            return Err(InboxFull(reached));
        }
        *sent += 1;
        self.sent_in_all += 1;
        Ok(())
    }

    /// Copies bytes in that are no datagram of their own: the offset of the first, or none when a
    /// tick can hold no more.
    pub fn append(&mut self, bytes: &[u8]) -> Option<u32> {
        let start = self.used;
        u32::try_from(start + bytes.len()).ok()?;
        self.reserve(bytes.len()).copy_from_slice(bytes);
        self.used += bytes.len();
        Some(start as u32)
    }

    /// Keeps the datagrams for which `keep` says so, in order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Datagram, &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.datagrams
            .retain(|datagram| keep(datagram, &bytes[datagram.range()]));
    }

    /// The datagrams of this tick, in order of arrival.
    #[inline]
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// A connection of a TCP socket came, before the datagrams that it brought, or went, behind them.
    pub fn note_connection(&mut self, change: ConnectionChange) {
        self.connections.push(change);
    }

    /// The connections that came and went, in order.
    #[inline]
    pub fn connections(&self) -> &[ConnectionChange] {
        &self.connections
    }

    /// The arena that [`Datagram::range`] indexes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// The bytes of a datagram, to be changed in place.
    #[inline]
    pub fn datagram_mut(&mut self, index: usize) -> &mut [u8] {
        let range = self.datagrams[index].range();
        &mut self.bytes[range]
    }

    /// The arena, to be changed in place (RTX decapsulation).
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.used]
    }

    /// Forgets every datagram but the late ones, and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.datagrams.clear();
        self.connections.clear();
        if self.sent_in_all > 0 {
            self.sent.clear();
            self.sent_in_all = 0;
            self.take_late();
        }
    }

    fn take_late(&mut self) {
        let Late { bytes, mut rows } = std::mem::take(&mut self.late);
        let mut rest = &bytes[..];
        for (origin, len) in rows.drain(..) {
            let (datagram, behind) = rest.split_at(len);
            self.push(origin, datagram);
            rest = behind;
        }
        self.late = Late { bytes, rows };
        self.late.bytes.clear();
    }
}
