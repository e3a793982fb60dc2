//! Writing transport-wide feedback.

use rtcp::header::{FORMAT_TCC, PacketType};

use super::chunk::{
    ONE_BIT_LEN, RUN_MAX, Symbol, TWO_BIT_LEN, one_bit_vector, run, two_bit_vector,
};
use super::{Arrival, TICKS_PER_REFERENCE};
use crate::rtcp::write::{close_padded, open};

/// How many packets one feedback packet reports, gaps included.
///
/// At worst, with a two-byte delta for each, it then has 1164 bytes and fits any path.
pub const STATUSES_MAX: u16 = 500;

/// Appends one feedback packet for the first of `arrivals`; returns how many it covers.
///
/// `arrivals` rise in sequence number, wrapping; numbers left out count as not received. The
/// packet ends where a number does not rise, at [`STATUSES_MAX`] statuses, and at a time that is
/// more than 8 seconds from the one before: call again with the rest, and the next
/// `feedback_count`. Always covers at least one, if there is one; writes nothing when none of
/// those covered was received. Times are taken modulo the 24 bits of the reference time, 12 days.
pub fn write_transport_feedback(
    out: &mut Vec<u8>,
    sender_ssrc: u32,
    media_ssrc: u32,
    feedback_count: u8,
    arrivals: &[Arrival],
) -> usize {
    let span = Span::of(arrivals);
    let Some(reference) = span.reference else {
        return span.arrivals.len();
    };
    let start = open(out, PacketType::TransportSpecificFeedback, FORMAT_TCC);
    out.extend_from_slice(&sender_ssrc.to_be_bytes());
    out.extend_from_slice(&media_ssrc.to_be_bytes());
    out.extend_from_slice(&span.base.to_be_bytes());
    out.extend_from_slice(&span.status_count.to_be_bytes());
    let reference_and_count = (reference as u32) << 8 | u32::from(feedback_count);
    out.extend_from_slice(&reference_and_count.to_be_bytes());
    let mut statuses = span.statuses(reference);
    while let Some(chunk) = take_chunk(&mut statuses) {
        out.extend_from_slice(&chunk.to_be_bytes());
    }
    for status in span.statuses(reference) {
        status.write_delta(out);
    }
    close_padded(out, start);
    span.arrivals.len()
}

/// What goes into one packet.
struct Span<'a> {
    arrivals: &'a [Arrival],
    base: u16,
    status_count: u16,
    /// In units of 64 ms; none when nothing was received.
    reference: Option<i64>,
}

impl<'a> Span<'a> {
    fn of(arrivals: &'a [Arrival]) -> Self {
        let mut span = Self {
            arrivals: &[],
            base: arrivals.first().map_or(0, |first| first.sequence_number),
            status_count: 0,
            reference: None,
        };
        let mut last = None;
        for (index, arrival) in arrivals.iter().enumerate() {
            let status = arrival.sequence_number.wrapping_sub(span.base);
            if !(span.status_count..STATUSES_MAX).contains(&status) || !fits(last, arrival.time) {
                break;
            }
            last = arrival.time.or(last);
            span.reference = span.reference.or(arrival
                .time
                .map(|time| time.div_euclid(TICKS_PER_REFERENCE)));
            span.status_count = status + 1;
            span.arrivals = &arrivals[..=index];
        }
        span
    }

    fn statuses(&self, reference: i64) -> Statuses<'a> {
        Statuses {
            rest: self.arrivals,
            sequence: self.base,
            time: reference.saturating_mul(TICKS_PER_REFERENCE),
        }
    }
}

/// Whether the time can be written as a delta; the first is within 64 ms of its reference.
fn fits(last: Option<i64>, time: Option<i64>) -> bool {
    let (Some(last), Some(time)) = (last, time) else {
        return true;
    };
    let delta = time.checked_sub(last);
    delta.is_some_and(|delta| i16::try_from(delta).is_ok())
}

/// The state of one packet and its delta.
#[derive(Clone, Copy)]
struct Status {
    symbol: Symbol,
    /// Ticks since the packet received before, or since the reference time.
    delta: i64,
}

impl Status {
    const NOT_RECEIVED: Self = Self {
        symbol: Symbol::NotReceived,
        delta: 0,
    };

    fn received(delta: i64) -> Self {
        let symbol = match u8::try_from(delta) {
            Ok(_) => Symbol::Small,
            Err(_) => Symbol::Large,
        };
        Self { symbol, delta }
    }

    fn write_delta(self, out: &mut Vec<u8>) {
        match self.symbol {
            Symbol::NotReceived => {}
            Symbol::Small => out.push(self.delta as u8),
            Symbol::Large => out.extend_from_slice(&(self.delta as i16).to_be_bytes()),
        }
    }
}

/// One status for each number, gaps filled.
#[derive(Clone)]
struct Statuses<'a> {
    rest: &'a [Arrival],
    sequence: u16,
    time: i64,
}

impl Iterator for Statuses<'_> {
    type Item = Status;

    fn next(&mut self) -> Option<Status> {
        let (arrival, rest) = self.rest.split_first()?;
        let is_gap = arrival.sequence_number != self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        if is_gap {
            return Some(Status::NOT_RECEIVED);
        }
        self.rest = rest;
        let Some(time) = arrival.time else {
            return Some(Status::NOT_RECEIVED);
        };
        let delta = time.wrapping_sub(self.time);
        self.time = time;
        Some(Status::received(delta))
    }
}

/// Takes as many statuses as fit one chunk; a run where that holds no fewer than a vector would.
fn take_chunk(statuses: &mut Statuses<'_>) -> Option<u16> {
    let ahead = statuses.clone().map(|status| status.symbol);
    let first = ahead.clone().next()?;
    let mut window = [Symbol::NotReceived; ONE_BIT_LEN];
    let mut len = 0;
    for (slot, symbol) in window.iter_mut().zip(ahead.clone()) {
        *slot = symbol;
        len += 1;
    }
    let window = &window[..len];
    let run_len = ahead.take_while(|&symbol| symbol == first);
    let run_len = run_len.take(RUN_MAX).count();
    let vector_len = match window.contains(&Symbol::Large) {
        true => len.min(TWO_BIT_LEN),
        false => len,
    };
    let (chunk, taken) = if run_len >= vector_len {
        (run(first, run_len), run_len)
    } else if window.contains(&Symbol::Large) {
        (two_bit_vector(&window[..vector_len]), vector_len)
    } else {
        (one_bit_vector(window), vector_len)
    };
    // `nth` counts from 0, and a chunk is never empty.
    statuses.nth(taken - 1);
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpPacket, packets};

    fn arrival(sequence_number: u16, time: Option<i64>) -> Arrival {
        Arrival {
            sequence_number,
            time,
        }
    }

    /// Writes once; what it covers, and what is read of it.
    fn round_trip(arrivals: &[Arrival]) -> (usize, Vec<Arrival>) {
        let mut out = vec![];
        let covered = write_transport_feedback(&mut out, 1, 2, 3, arrivals);
        let Some(packet) = packets(&out).next() else {
            return (covered, vec![]);
        };
        let RtcpPacket::TransportFeedback(feedback) = packet.unwrap() else {
            panic!("transport-wide feedback");
        };
        assert!(out.len() <= 1164, "{} bytes", out.len());
        (covered, feedback.arrivals().collect())
    }

    #[test]
    fn the_bytes_are_those_of_the_draft() {
        let arrivals = [
            arrival(65535, Some(1000)),
            arrival(1, Some(1300)),
            arrival(2, None),
        ];
        let mut out = vec![];
        assert_eq!(write_transport_feedback(&mut out, 1, 2, 3, &arrivals), 3);
        // Reference 3, so the first delta is 232; lost 0, then 300 ticks in two bytes.
        let expected = [
            0xAF, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0xFF, 0xFF, 0, 4, 0, 0, 3, 3, //
            0xD2, 0x00, 232, 1, 44, 0, 0, 3,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn gaps_are_filled_and_times_kept() {
        let arrivals = [arrival(10, Some(-5)), arrival(13, Some(-40))];
        let expected = vec![
            arrival(10, Some(-5)),
            arrival(11, None),
            arrival(12, None),
            arrival(13, Some(-40)),
        ];
        assert_eq!(round_trip(&arrivals), (2, expected));
    }

    #[test]
    fn a_packet_ends_where_it_must() {
        let first = arrival(10, Some(0));
        let only_first = (1, vec![first]);
        assert_eq!(round_trip(&[first, arrival(10, Some(1))]), only_first);
        assert_eq!(round_trip(&[first, arrival(9, Some(1))]), only_first);
        assert_eq!(round_trip(&[first, arrival(510, Some(1))]), only_first);
        assert_eq!(round_trip(&[first, arrival(11, Some(32768))]), only_first);
        assert_eq!(
            round_trip(&[first, arrival(11, Some(i64::MIN))]),
            only_first
        );
        assert_eq!(round_trip(&[first, arrival(11, Some(32767))]).0, 2);
        assert_eq!(round_trip(&[]), (0, vec![]));
        let lost: Vec<_> = (0..600).map(|number| arrival(number, None)).collect();
        assert_eq!(round_trip(&lost), (500, vec![]));
    }

    #[test]
    fn the_worst_case_fits_its_limit() {
        let arrivals: Vec<_> = (0..600)
            .map(|number| arrival(number, Some(i64::from(number) * 300)))
            .collect();
        let (covered, read) = round_trip(&arrivals);
        assert_eq!((covered, &read[..]), (500, &arrivals[..500]));
    }
}
