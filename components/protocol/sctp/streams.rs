//! The streams of an association, each direction by itself.
//!
//! A reset begins the sequence numbers of one direction of a stream anew (RFC 6525). The libraries
//! know only resets of both directions together, so the gate does it for them: it renumbers what
//! passes through, and they count on.

use std::collections::BTreeMap;

use flumen_wire::sctp::{Data, Forwarded};

/// Streams that the peer sends on.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    streams: BTreeMap<u16, Numbering>,
}

/// Streams that are sent on from here.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    streams: BTreeMap<u16, Queue>,
    total: usize,
}

/// How a library numbers the messages of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Numbering {
    /// The library's number of the next ordered message.
    next: u16,
    /// What the library counts more than the wire, since a reset.
    ahead: u16,
    /// Data came on it: the library knows the stream.
    is_begun: bool,
}

impl Numbering {
    /// Notes that the library has seen `sequence`.
    fn note(&mut self, sequence: u16) {
        let after = sequence.wrapping_add(1);
        // RFC 1982: the later one is less than half the range ahead.
        if (after.wrapping_sub(self.next) as i16) > 0 {
            self.next = after;
        }
    }

    /// The wire begins anew, the library counts on.
    fn reset(&mut self) {
        self.ahead = self.next;
    }

    /// The library begins anew, the wire counts on.
    fn begin_anew(&mut self) {
        self.ahead = self.ahead.wrapping_sub(self.next);
        self.next = 0;
        self.is_begun = false;
    }

    /// The wire begins behind `sequence`, the library at its own first number.
    fn begin_behind(&mut self, sequence: u16) {
        self.ahead = self.next.wrapping_sub(sequence.wrapping_add(1));
    }
}

#[derive(Debug, Default)]
struct Queue {
    numbering: Numbering,
    buffered: usize,
    low: usize,
}

impl Inbound {
    /// How many streams the peer has used.
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    /// The library's sequence number of a fragment.
    pub(super) fn number(&mut self, data: &Data<'_>) -> u16 {
        let numbering = self.streams.entry(data.stream).or_default();
        numbering.is_begun = true;
        if data.unordered {
            return data.sequence;
        }
        let sequence = data.sequence.wrapping_add(numbering.ahead);
        numbering.note(sequence);
        sequence
    }

    /// The library's number of what was abandoned.
    ///
    /// `None` if nothing has come on the stream: the libraries make a stream with its first data,
    /// forget what was abandoned before, and would wait for it. Nor is anything remembered of
    /// streams that are not below `agreed`.
    pub(super) fn forwarded(&mut self, at: Forwarded, agreed: u16) -> Option<Forwarded> {
        if at.stream >= agreed && !self.streams.contains_key(&at.stream) {
            return None;
        }
        let numbering = self.streams.entry(at.stream).or_default();
        if !numbering.is_begun {
            numbering.begin_behind(at.sequence);
            return None;
        }
        let sequence = at.sequence.wrapping_add(numbering.ahead);
        numbering.note(sequence);
        Some(Forwarded { sequence, ..at })
    }

    /// Another library takes over when everything has been delivered.
    pub(super) fn begin_anew(&mut self) {
        self.streams.values_mut().for_each(Numbering::begin_anew);
    }

    /// The peer begins anew on `streams`, or on all of them if there are none.
    pub(super) fn reset(&mut self, streams: &[u16]) -> Vec<u16> {
        let mut reset = Vec::new();
        for (stream, numbering) in &mut self.streams {
            if streams.is_empty() || streams.contains(stream) {
                numbering.reset();
                reset.push(*stream);
            }
        }
        reset
    }
}

impl Outbound {
    /// Bytes buffered on all streams.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Bytes buffered on `stream`.
    pub(super) fn buffered(&self, stream: u16) -> usize {
        self.streams.get(&stream).map_or(0, |queue| queue.buffered)
    }

    /// Streams with something buffered, and how many bytes.
    pub(super) fn all(&self) -> impl Iterator<Item = (u16, usize)> {
        let queues = self.streams.iter();
        let buffered = queues.map(|(&stream, queue)| (stream, queue.buffered));
        buffered.filter(|(_, bytes)| *bytes > 0)
    }

    /// Streams on which more is buffered than their threshold.
    pub(super) fn above_low(&self) -> impl Iterator<Item = u16> {
        let queues = self.streams.iter();
        let above = queues.filter(|(_, queue)| queue.buffered > queue.low);
        above.map(|(&stream, _)| stream)
    }

    /// Tells when what is buffered on `stream` falls from above `bytes` to it or below.
    pub(super) fn set_low(&mut self, stream: u16, bytes: usize) {
        self.streams.entry(stream).or_default().low = bytes;
    }

    /// The library took over a message of `bytes`.
    pub(super) fn add(&mut self, stream: u16, bytes: usize) {
        self.streams.entry(stream).or_default().buffered += bytes;
        self.total += bytes;
    }

    /// `bytes` need not be kept any more; what is left, if that crosses the threshold.
    pub(super) fn release(&mut self, stream: u16, bytes: usize) -> Option<usize> {
        let queue = self.streams.get_mut(&stream)?;
        let before = queue.buffered;
        queue.buffered = before.saturating_sub(bytes);
        self.total -= before - queue.buffered;
        (before > queue.low && queue.buffered <= queue.low).then_some(queue.buffered)
    }

    /// The sequence number on the wire of a fragment that the library sends.
    pub(super) fn number(&mut self, data: &Data<'_>) -> u16 {
        if data.unordered {
            return data.sequence;
        }
        let numbering = &mut self.streams.entry(data.stream).or_default().numbering;
        numbering.note(data.sequence);
        data.sequence.wrapping_sub(numbering.ahead)
    }

    /// The number on the wire of what the library has abandoned.
    ///
    /// `None` if no ordered message with that number was ever sent: `webrtc-sctp` names the next
    /// one when it abandons an unordered message, and a receiver would then not take it.
    pub(super) fn forwarded(&self, at: Forwarded) -> Option<Forwarded> {
        let numbering = self.streams.get(&at.stream)?.numbering;
        let is_sent = (at.sequence.wrapping_sub(numbering.next) as i16) < 0;
        is_sent.then(|| Forwarded {
            sequence: at.sequence.wrapping_sub(numbering.ahead),
            ..at
        })
    }

    /// Another library takes over when everything has been acknowledged.
    pub(super) fn begin_anew(&mut self) {
        let numberings = self.streams.values_mut().map(|queue| &mut queue.numbering);
        numberings.for_each(Numbering::begin_anew);
    }

    /// The peer agreed that `streams` begin anew.
    pub(super) fn reset(&mut self, streams: &[u16]) {
        for stream in streams {
            if let Some(queue) = self.streams.get_mut(stream) {
                queue.numbering.reset();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(stream: u16, sequence: u16, unordered: bool) -> Data<'static> {
        Data {
            tsn: 0,
            stream,
            sequence,
            ppid: 51,
            unordered,
            beginning: true,
            ending: true,
            payload: &[1],
        }
    }

    #[test]
    fn the_library_counts_on_when_the_peer_begins_anew() {
        let mut inbound = Inbound::default();
        assert_eq!(inbound.number(&fragment(1, 65_535, false)), 65_535);
        assert_eq!(inbound.number(&fragment(1, 0, false)), 0);
        assert_eq!(inbound.number(&fragment(1, 65_535, false)), 65_535, "late");
        assert_eq!(inbound.number(&fragment(2, 7, false)), 7);
        assert_eq!(inbound.reset(&[1, 9]), [1]);
        assert_eq!(inbound.number(&fragment(1, 0, false)), 1);
        assert_eq!(inbound.number(&fragment(1, 5, true)), 5, "has no number");
        assert_eq!(inbound.number(&fragment(2, 8, false)), 8, "another stream");
        assert_eq!(inbound.reset(&[]), [1, 2]);
        assert_eq!(inbound.number(&fragment(2, 0, false)), 9);
    }

    #[test]
    fn a_stream_that_begins_with_what_was_abandoned_begins_behind_it() {
        let mut inbound = Inbound::default();
        let abandoned = |sequence| Forwarded {
            stream: 1,
            sequence,
        };
        assert_eq!(inbound.forwarded(abandoned(0), 9), None);
        assert_eq!(inbound.forwarded(abandoned(3), 9), None);
        assert_eq!(inbound.number(&fragment(1, 5, false)), 1);
        assert_eq!(inbound.number(&fragment(1, 4, false)), 0);
        let inside = Forwarded {
            sequence: 2,
            ..abandoned(6)
        };
        assert_eq!(inbound.forwarded(abandoned(6), 9), Some(inside));
        assert_eq!(inbound.reset(&[1]), [1]);
        assert_eq!(inbound.number(&fragment(1, 0, false)), 3);
    }

    #[test]
    fn the_wire_begins_anew_while_the_library_counts_on() {
        let mut outbound = Outbound::default();
        assert_eq!(outbound.number(&fragment(1, 4, false)), 4);
        let abandoned = |sequence| Forwarded {
            stream: 1,
            sequence,
        };
        assert_eq!(outbound.forwarded(abandoned(4)), Some(abandoned(4)));
        assert_eq!(outbound.forwarded(abandoned(5)), None, "was never sent");
        outbound.reset(&[1, 2]);
        assert_eq!(outbound.number(&fragment(1, 5, false)), 0);
        assert_eq!(outbound.number(&fragment(1, 6, false)), 1);
    }

    #[test]
    fn the_wire_counts_on_while_another_library_begins() {
        let (mut inbound, mut outbound) = (Inbound::default(), Outbound::default());
        for sequence in 0..5 {
            inbound.number(&fragment(1, sequence, false));
            outbound.number(&fragment(1, sequence, false));
        }
        inbound.begin_anew();
        outbound.begin_anew();
        assert_eq!(inbound.number(&fragment(1, 5, false)), 0);
        assert_eq!(outbound.number(&fragment(1, 0, false)), 5);
        inbound.reset(&[1]);
        outbound.reset(&[1]);
        inbound.begin_anew();
        outbound.begin_anew();
        assert_eq!(inbound.number(&fragment(1, 0, false)), 0);
        assert_eq!(outbound.number(&fragment(1, 0, false)), 0);
    }

    #[test]
    fn a_threshold_is_crossed_once() {
        let mut outbound = Outbound::default();
        outbound.set_low(1, 100);
        outbound.add(1, 250);
        outbound.add(2, 50);
        assert!(outbound.above_low().eq([1, 2]));
        assert_eq!(outbound.release(1, 100), None);
        assert_eq!(outbound.release(1, 50), Some(100));
        assert!(outbound.above_low().eq([2]));
        assert_eq!(outbound.release(1, 50), None);
        assert_eq!((outbound.total(), outbound.buffered(1)), (100, 50));
        assert_eq!(outbound.release(2, 60), Some(0), "the default is zero");
        assert_eq!(outbound.total(), 50);
    }
}
