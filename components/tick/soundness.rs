//! Whether a system of the application left the tick in a state that the engine can go on with.

use bevy_ecs::world::World;
use thiserror::Error;

use crate::tick::batch::{Media, MediaPacket, RtcpIn, SctpIn, Touched, TouchedStream};
use crate::tick::deliveries::DirectOut;
use crate::tick::inbox::Inbox;
use crate::tick::ledger::Ledger;
use crate::tick::moment::Moment;
use crate::tick::outbox::{Outbox, Outgoing};
use crate::wire::extension::{ABS_SEND_TIME_LEN, TRANSPORT_SEQUENCE_LEN};

/// What a system of the application broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Broken {
    /// Rows of [`Media`], [`RtcpIn`] or [`SctpIn`] came or went.
    #[error("rows of what arrived were added or taken out: veto with Packets or Datagrams")]
    Rows,
    /// A row of [`Media`] is not where its packet is.
    #[error("row {0} of Media is of no packet: rewrite packets with Packets")]
    MediaRow(usize),
    /// The packets of a stream in [`Touched`] are not in [`Media`].
    #[error("the packets of touched stream {0} are not those of Media")]
    Chain(usize),
    /// Rows of [`Outbox`] or [`DirectOut`] came or went without being counted.
    #[error("{0} datagrams to be sent are not accounted for: veto them with Departures")]
    Departures(i64),
    /// A row of [`Outbox`] or [`DirectOut`] is of no bytes or destination.
    #[error("row {0} of the datagrams to be sent is of no datagram")]
    Departure(usize),
    /// The ledger was changed so that it cannot close.
    #[error("{0} datagrams that arrived are not accounted for")]
    Arrivals(i64),
}

/// What is under way and accounted for, to be compared before and after a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    rows: [usize; 3],
    /// Entered, and of no recorded fate.
    pending: u64,
    /// To be sent by the ledger, and not among what is sent.
    missing: u64,
}

impl Balance {
    /// How it is now.
    pub fn of(world: &World) -> Self {
        let ledger = world.resource::<Ledger>();
        let entered = ledger.received + ledger.injected;
        let ended = ledger.accepted + ledger.consumed.total() + ledger.discarded.total();
        let queued = ledger.enqueued + ledger.generated;
        let left = ledger.sent + ledger.refused.total() + ledger.waiting + ledger.paced;
        let leaving = world.resource::<Outbox>().rows.len() + world.resource::<DirectOut>().0.len();
        let rtcp = world
            .get_resource::<RtcpIn>()
            .map_or(0, |rtcp| rtcp.0.len());
        let sctp = world
            .get_resource::<SctpIn>()
            .map_or(0, |sctp| sctp.0.len());
        Self {
            rows: [media(world).len(), rtcp, sctp],
            pending: entered.wrapping_sub(ended),
            missing: queued.wrapping_sub(left).wrapping_sub(leaving as u64),
        }
    }

    /// Checks what a system left behind.
    ///
    /// # Errors
    ///
    /// The first thing that is [`Broken`].
    pub fn check(self, world: &World, moment: Moment) -> Result<(), Broken> {
        let now = Self::of(world);
        let holds_packets = (Moment::Claimed..=Moment::Forwarded).contains(&moment);
        if holds_packets && now.rows != self.rows {
            return Err(Broken::Rows);
        }
        if now.pending != self.pending {
            let difference = now.pending.wrapping_sub(self.pending);
            return Err(Broken::Arrivals(difference as i64));
        }
        if now.missing != self.missing {
            let difference = now.missing.wrapping_sub(self.missing);
            return Err(Broken::Departures(difference as i64));
        }
        if holds_packets {
            check_media(world)?;
            check_chains(world)?;
        }
        check_departures(world)
    }
}

fn media(world: &World) -> &[MediaPacket] {
    let media = world.get_resource::<Media>();
    media.map_or(&[], |media| &media.0)
}

/// Every packet lies in the arena, and its header is of it.
fn check_media(world: &World) -> Result<(), Broken> {
    let arena = world.resource::<Inbox>().bytes().len();
    let is_sound = |packet: &MediaPacket| {
        let header = &packet.header;
        let end = usize::from(header.payload_start)
            + usize::from(header.payload_len)
            + usize::from(header.padding_len);
        end == packet.len as usize && packet.range().end <= arena
    };
    match media(world).iter().position(|packet| !is_sound(packet)) {
        None => Ok(()),
        Some(index) => Err(Broken::MediaRow(index)),
    }
}

/// Every touched stream has the packets that it had.
fn check_chains(world: &World) -> Result<(), Broken> {
    let Some(touched) = world.get_resource::<Touched>() else {
        return Ok(());
    };
    let media = media(world);
    match touched.streams.iter().position(|&it| !is_chain(media, it)) {
        None => Ok(()),
        Some(index) => Err(Broken::Chain(index)),
    }
}

fn is_chain(media: &[MediaPacket], touched: TouchedStream) -> bool {
    let mut at = touched.first as usize;
    for left in (0..touched.count).rev() {
        let Some(packet) = media.get(at).filter(|it| it.stream == touched.stream) else {
            return false;
        };
        match packet.next {
            None => return left == 0 && at == touched.last as usize,
            Some(next) => at = next as usize,
        }
    }
    false
}

/// What is stamped last has its place in the header.
fn has_stamps(row: &Outgoing) -> bool {
    let len = usize::from(row.header_len);
    let fits = |at: u8, bytes: usize| at == 0 || usize::from(at) + bytes <= len;
    fits(row.abs_send_time, ABS_SEND_TIME_LEN)
        && fits(row.transport_sequence, TRANSPORT_SEQUENCE_LEN)
}

/// Every datagram that is to leave has its bytes, and a destination.
fn check_departures(world: &World) -> Result<(), Broken> {
    let outbox = world.resource::<Outbox>();
    let arena = world.resource::<Inbox>().bytes().len();
    let has_bytes = |row: &Outgoing| {
        let header = row.header_start as usize + usize::from(row.header_len);
        let payload = row.payload_start as usize + usize::from(row.payload_len);
        let is_plain = row.overhead == 0;
        header <= outbox.headers.len() && payload <= arena && is_plain && has_stamps(row)
    };
    let has_destination = |row: &Outgoing| (row.destination as usize) < outbox.destinations.len();
    let direct = world.resource::<DirectOut>().0.iter();
    let unsound = outbox
        .rows
        .iter()
        .map(|row| has_bytes(row) && has_destination(row))
        .chain(direct.map(|row| has_bytes(&row.row)))
        .position(|is_sound| !is_sound);
    unsound.map_or(Ok(()), |row| Err(Broken::Departure(row)))
}
