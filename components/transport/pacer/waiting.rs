//! Packets that wait for their turn.

use std::collections::VecDeque;

use crate::tick::outbox::{Outgoing, OutgoingKind};
use crate::tick::time::Time;
use crate::transport::pacer::Superseded;
use crate::wire::rtp::{RtpHeader, SEQUENCE_NUMBER, SSRC, TIMESTAMP};
use crate::wire::sequence::is_higher_u16;

/// Packets of one kind that wait, first in, first out.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    rows: VecDeque<Row>,
    bytes: VecDeque<u8>,
}

crate::snapshot::state! { struct Waiting { rows, bytes } }

#[derive(Clone, Copy, Debug)]
struct Row {
    since: Time,
    len: u16,
    abs_send_time: u8,
    transport_sequence: u8,
    kind: OutgoingKind,
}

crate::snapshot::state! { struct Row { since, len, abs_send_time, transport_sequence, kind } }

/// What tells packets from one another.
struct Names {
    ssrc: u32,
    number: u16,
    timestamp: u32,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Since when the first one waits.
    pub(super) fn since(&self) -> Option<Time> {
        self.rows.front().map(|row| row.since)
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.bytes.clear();
    }

    pub(super) fn push(&mut self, row: &Outgoing, parts: (&[u8], &[u8]), now: Time) {
        self.bytes.extend(parts.0);
        self.bytes.extend(parts.1);
        self.rows.push_back(Row {
            since: now,
            len: row.len() as u16,
            abs_send_time: row.abs_send_time,
            transport_sequence: row.transport_sequence,
            kind: row.kind,
        });
    }

    /// The first one, appended to `out`.
    pub(super) fn pop(&mut self, out: &mut Vec<u8>) -> Option<Outgoing> {
        let row = self.rows.pop_front()?;
        let start = out.len() as u32;
        out.extend(self.bytes.drain(..usize::from(row.len)));
        Some(Outgoing {
            abs_send_time: row.abs_send_time,
            transport_sequence: row.transport_sequence,
            kind: row.kind,
            ..Outgoing::generated(start, row.len)
        })
    }

    /// How many packets of `ssrc` wait that have, one by one, the numbers up to `newest` and are
    /// behind its first picture here, of which a part may have left. What comes late, or twice, stays
    /// with all before it.
    pub(super) fn latest_of(&mut self, ssrc: u32, newest: u16) -> u16 {
        let (mut first, mut last, mut count) = (None, None, 0);
        for names in self.names().filter(|names| names.ssrc == ssrc) {
            let is_first = *first.get_or_insert(names.timestamp) == names.timestamp;
            let is_newer = last.is_none_or(|last| is_higher_u16(names.number, last));
            let follows = last == Some(names.number.wrapping_sub(1));
            count = match follows {
                _ if is_first || !is_newer => 0,
                true => count + 1,
                false => 1,
            };
            last = if is_newer { Some(names.number) } else { last };
        }
        if last == Some(newest) { count } else { 0 }
    }

    /// Takes out all packets of `ssrc`; how many there were.
    pub(super) fn forget(&mut self, ssrc: u32) -> u64 {
        let own = self.of(ssrc);
        self.take_back(ssrc, own).packets
    }

    fn of(&mut self, ssrc: u32) -> usize {
        self.names().filter(|names| names.ssrc == ssrc).count()
    }

    /// Takes out the latest `count` packets of `ssrc`.
    pub(super) fn take_back(&mut self, ssrc: u32, count: usize) -> Superseded {
        let mut taken = Superseded::default();
        let own = self.of(ssrc);
        let (mut left, mut from, mut to) = (own - count, 0, 0);
        let bytes = self.bytes.make_contiguous();
        self.rows.retain(|row| {
            let packet = from..from + usize::from(row.len);
            from = packet.end;
            let is_own = Names::of(&bytes[packet.clone()]).is_some_and(|it| it.ssrc == ssrc);
            let stays = !is_own || left > 0;
            left -= usize::from(is_own && stays);
            if stays {
                bytes.copy_within(packet.clone(), to);
                to += packet.len();
            } else {
                taken.add(&bytes[packet]);
            }
            stays
        });
        self.bytes.truncate(to);
        taken
    }

    fn names(&mut self) -> impl Iterator<Item = Names> {
        let bytes = &*self.bytes.make_contiguous();
        let mut from = 0;
        self.rows.iter().filter_map(move |row| {
            let packet = from..from + usize::from(row.len);
            from = packet.end;
            Names::of(&bytes[packet])
        })
    }
}

impl Superseded {
    fn add(&mut self, packet: &[u8]) {
        let header = RtpHeader::parse(packet).ok();
        self.packets += 1;
        self.bytes += packet.len() as u64;
        self.payload_bytes += header.map_or(0, |header| u64::from(header.payload_len));
    }
}

impl Names {
    fn of(packet: &[u8]) -> Option<Self> {
        Some(Self {
            ssrc: u32::from_be_bytes(*packet.get(SSRC..)?.first_chunk()?),
            number: u16::from_be_bytes(*packet.get(SEQUENCE_NUMBER..)?.first_chunk()?),
            timestamp: u32::from_be_bytes(*packet.get(TIMESTAMP..)?.first_chunk()?),
        })
    }
}
