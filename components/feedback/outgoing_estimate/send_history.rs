//! What was sent to a receiver and when, until it tells of it.

use std::collections::VecDeque;
use std::time::Duration;

use smallvec::SmallVec;

use super::estimator::{PacketReport, SentPacket};
use crate::tick::time::Time;
use crate::wire::rtcp::{CongestionFeedback, StreamArrival, StreamArrivals, TransportFeedback};

/// The packets that were sent with a transport-wide sequence number within the last seconds, and of
/// which more may be told.
///
/// A number belongs to the latest packet that had it, and is forgotten long before 16 bits wrap. What
/// is told of packets that are not known, never sent or forgotten, is ignored.
#[derive(Clone, Debug, Default)]
pub struct SendHistory {
    /// The number of the next packet, not wrapped.
    next: u64,
    records: VecDeque<Record>,
    /// SSRC and RTP sequence number of each of them, where that is how they are told of.
    names: VecDeque<(u32, u16)>,
    /// The receiver's clock, not wrapped, as it was last told: in ticks of 250 µs, or where packets
    /// are told of by their names in units of 2^-16 s.
    clock: Option<i64>,
}

crate::snapshot::state! { struct SendHistory { next, records, names, clock } }

#[derive(Clone, Copy, Debug)]
struct Record {
    at: Time,
    bytes: u16,
    probe: u8,
    fate: Fate,
}

crate::snapshot::state! { struct Record { at, bytes, probe, fate } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nobody told of it.
    Unknown,
    Lost,
    Arrived,
}

crate::snapshot::state! { enum Fate { Unknown, Lost, Arrived } }

/// Feedback that takes longer says nothing of the path now.
const AGE_MAX: Duration = Duration::from_secs(4);
/// What is remembered for a receiver that never told anything: most of them never will.
const UNHEARD_MAX: usize = 64;
/// Nanoseconds in a tick of the receiver's clock.
const TICK_NANOS: u64 = 250_000;
/// Where the receiver's clock begins, so that it can run backwards: in ticks, two years.
const CLOCK_START: i64 = 1 << 38;

impl SendHistory {
    /// Records a packet that leaves with `number` at `now`, during `probe`; at most `limit` are
    /// remembered.
    pub fn push(
        &mut self,
        number: u16,
        (bytes, probe): (u16, u8),
        now: Time,
        limit: usize,
    ) -> SentPacket {
        if self.next as u16 != number {
            // Only before the first one: numbers are given away one by one.
            self.records.clear();
            self.next = number.into();
        }
        let limit = match self.clock {
            Some(_) => limit,
            None => limit.min(UNHEARD_MAX),
        };
        self.forget(now, limit.saturating_sub(1));
        let sent = SentPacket {
            number: self.next,
            at: now,
            bytes,
            probe,
        };
        self.records.push_back(Record {
            at: now,
            bytes,
            probe,
            fate: Fate::Unknown,
        });
        self.next += 1;
        sent
    }

    /// Records a packet that is told of by its SSRC and RTP sequence number.
    pub fn push_named(
        &mut self,
        name: (u32, u16),
        facts: (u16, u8),
        now: Time,
        limit: usize,
    ) -> SentPacket {
        let sent = self.push(self.next as u16, facts, now, limit);
        self.names.push_back(name);
        while self.names.len() > self.records.len() {
            self.names.pop_front();
        }
        sent
    }

    /// How many packets are remembered by their names.
    pub fn named(&self) -> usize {
        self.names.len()
    }

    /// Appends what `feedback` tells that was not known of the newest `count` packets, in the order of
    /// their arrival. What it tells first of a stream counts.
    pub fn report_named(
        &mut self,
        feedback: &CongestionFeedback<'_>,
        count: usize,
        out: &mut Vec<PacketReport>,
    ) {
        let first = out.len();
        // Who tells is heard, also of packets that are forgotten.
        self.unwrapped_units(feedback.timestamp);
        let mut streams: SmallVec<[StreamArrivals<'_>; 32]> = feedback.streams().collect();
        streams.sort_by_key(|stream| stream.ssrc);
        streams.dedup_by_key(|stream| stream.ssrc);
        for index in self.names.len().saturating_sub(count)..self.names.len() {
            let (ssrc, number) = self.names[index];
            let Ok(stream) = streams.binary_search_by_key(&ssrc, |stream| stream.ssrc) else {
                continue;
            };
            let arrived = match streams[stream].of(number) {
                Some(StreamArrival::Missing) => None,
                Some(StreamArrival::At(units)) => Some(self.unwrapped_units(units)),
                // It was not lost, and nothing can be said of its delay.
                Some(StreamArrival::Sometime) | None => continue,
            };
            out.extend(self.told_at(index, arrived));
        }
        out[first..].sort_unstable_by_key(|report| (report.arrived, report.sent.number));
    }

    /// Appends what the first `count` packets of `feedback` tell that was not known, those that
    /// arrived in the order of their arrival.
    pub fn report(
        &mut self,
        feedback: &TransportFeedback<'_>,
        count: usize,
        out: &mut Vec<PacketReport>,
    ) {
        let first = out.len();
        for arrival in feedback.arrivals().take(count) {
            let arrived = arrival.time.map(|ticks| self.unwrapped(ticks));
            out.extend(self.told(arrival.sequence_number, arrived));
        }
        out[first..].sort_unstable_by_key(|report| (report.arrived, report.sent.number));
    }

    /// There are packets that nobody told of.
    pub fn is_waiting(&self, now: Time) -> bool {
        let waits = |record: &Record| record.fate == Fate::Unknown && now - record.at <= AGE_MAX;
        self.records.back().is_some_and(waits)
    }

    /// What is new about a packet that is known.
    fn told(&mut self, number: u16, arrived: Option<Time>) -> Option<PacketReport> {
        // 65,536 for a packet that would be the next: of that number none is remembered.
        let back = match (self.next as u16).wrapping_sub(number) {
            0 => 1 << 16,
            back => usize::from(back),
        };
        self.told_at(self.records.len().checked_sub(back)?, arrived)
    }

    fn told_at(&mut self, index: usize, arrived: Option<Time>) -> Option<PacketReport> {
        let back = self.records.len() - index;
        let record = &mut self.records[index];
        let fate = match arrived {
            Some(_) => Fate::Arrived,
            None => Fate::Lost,
        };
        let before = record.fate;
        if before == Fate::Arrived || before == fate {
            return None;
        }
        record.fate = fate;
        let sent = SentPacket {
            number: self.next - back as u64,
            at: record.at,
            bytes: record.bytes,
            probe: record.probe,
        };
        Some(PacketReport {
            sent,
            arrived,
            was_lost: before == Fate::Lost,
        })
    }

    /// The receiver's time, of which 32 bits are told in ticks.
    fn unwrapped(&mut self, ticks: i64) -> Time {
        let clock = self.nearest(ticks as u32);
        Time::from_nanos(clock.saturating_mul(TICK_NANOS))
    }

    /// The receiver's time, of which 32 bits are told in units of 2^-16 s.
    fn unwrapped_units(&mut self, units: u32) -> Time {
        let nanos = (u128::from(self.nearest(units)) * 1_000_000_000) >> 16;
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The time with these low bits that is nearest to the last one.
    fn nearest(&mut self, low: u32) -> u64 {
        let last = self.clock.unwrap_or(CLOCK_START | i64::from(low));
        let step = low.wrapping_sub(last as u32).cast_signed();
        let clock = (last + i64::from(step)).max(0);
        self.clock = Some(clock);
        clock.cast_unsigned()
    }

    fn forget(&mut self, now: Time, limit: usize) {
        let is_over = |record: &Record| record.fate == Fate::Arrived || now - record.at > AGE_MAX;
        while let Some(oldest) = self.records.front()
            && (is_over(oldest) || self.records.len() > limit)
        {
            self.records.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtcp::{Arrival, RtcpPacket, packets, write_transport_feedback};

    /// Sends `count` packets from `first` on, one a millisecond.
    fn sent(first: u16, count: u16) -> SendHistory {
        let mut history = SendHistory::default();
        for index in 0..count {
            let now = Time::from_millis(index.into());
            history.push(first.wrapping_add(index), (1_000, 0), now, 100);
        }
        history
    }

    /// What is new of `arrivals`: (number, ms of arrival since the first one's, was lost).
    fn told(history: &mut SendHistory, rows: &[(u16, Option<i64>)]) -> Vec<(u64, i64, bool)> {
        let arrival = |&(sequence_number, ms): &(u16, Option<i64>)| Arrival {
            sequence_number,
            time: ms.map(|ms| ms * 4),
        };
        let arrivals: Vec<_> = rows.iter().map(arrival).collect();
        let mut bytes = Vec::new();
        write_transport_feedback(&mut bytes, 1, 2, 0, &arrivals);
        let Some(Ok(RtcpPacket::TransportFeedback(feedback))) = packets(&bytes).next() else {
            panic!("feedback");
        };
        let mut reports = Vec::new();
        history.report(&feedback, usize::MAX, &mut reports);
        let start = (CLOCK_START as u64 * TICK_NANOS / 1_000_000) as i64;
        let row = |report: &PacketReport| {
            let arrived = report
                .arrived
                .map_or(-1, |at| at.as_millis() as i64 - start);
            (report.sent.number, arrived, report.was_lost)
        };
        reports.iter().map(row).collect()
    }

    #[test]
    fn packets_are_told_of_in_the_order_of_their_arrival() {
        let mut history = sent(65_534, 5);
        let rows = [
            (65_534, Some(5)),
            (65_535, None),
            (0, Some(9)),
            (1, Some(7)),
        ];
        let expected = [
            (65_535, -1, false),
            (65_534, 5, false),
            (65_537, 7, false),
            (65_536, 9, false),
        ];
        assert_eq!(told(&mut history, &rows), expected);
        assert!(
            history.is_waiting(Time::from_millis(100)),
            "65,538 is under way"
        );
        assert!(!history.is_waiting(Time::from_secs(5)));
    }

    #[test]
    fn what_is_told_twice_is_told_once_and_what_was_lost_may_come() {
        let mut history = sent(0, 4);
        let rows = [(0, Some(1)), (1, None), (2, Some(3))];
        assert_eq!(told(&mut history, &rows).len(), 3);
        assert_eq!(told(&mut history, &rows), []);
        let rows = [(0, None), (1, Some(9)), (2, Some(5))];
        assert_eq!(told(&mut history, &rows), [(1, 9, true)]);
        assert_eq!(told(&mut history, &[(1, None), (2, Some(9))]), []);
    }

    #[test]
    fn packets_that_were_never_sent_are_ignored() {
        let mut history = sent(10, 4);
        let rows = [(9, Some(1)), (13, Some(1)), (14, Some(1)), (15, Some(2))];
        let lost = |number| (number, -1, false);
        let expected = [lost(10), lost(11), lost(12), (13, 1, false)];
        assert_eq!(told(&mut history, &rows), expected);
        assert_eq!(told(&mut history, &[(40_000, Some(1))]), []);
        assert_eq!(told(&mut SendHistory::default(), &[(0, Some(1))]), []);
    }

    #[test]
    fn little_is_remembered_for_receivers_that_never_told_anything() {
        let mut history = SendHistory::default();
        for number in 0..1_000 {
            history.push(number, (1_000, 0), Time::ZERO, 8_192);
        }
        assert_eq!(history.records.len(), UNHEARD_MAX);
        assert_eq!(told(&mut history, &[(999, Some(1))]).len(), 1);
        for number in 1_000..3_000 {
            history.push(number, (1_000, 0), Time::ZERO, 8_192);
        }
        assert!(history.records.len() > 2_000);
    }

    #[test]
    fn no_more_than_the_limit_is_remembered_and_nothing_old() {
        let mut history = sent(0, 1);
        assert_eq!(told(&mut history, &[(0, Some(1))]).len(), 1);
        for number in 1..=101 {
            history.push(number, (1_000, 0), Time::from_millis(number.into()), 100);
        }
        assert_eq!(told(&mut history, &[(1, Some(1)), (2, Some(1))]).len(), 1);
        history.push(102, (1, 0), Time::from_millis(4_100), 100);
        let rows = [(99, Some(1)), (100, Some(1))];
        assert_eq!(told(&mut history, &rows).len(), 1);
    }

    #[test]
    fn the_receivers_clock_wraps_and_runs_backwards() {
        let mut history = sent(0, 9);
        // 24 bits of 64 ms.
        let wrap = (1 << 24) * 64;
        assert_eq!(
            told(&mut history, &[(0, Some(wrap - 1))]),
            [(0, wrap - 1, false)]
        );
        assert_eq!(told(&mut history, &[(1, Some(4))]), [(1, wrap + 4, false)]);
        assert_eq!(
            told(&mut history, &[(2, Some(-60))]),
            [(2, wrap - 60, false)]
        );
    }

    /// What is new of a report on `ssrc`: (number, ms of arrival since the first one's, was lost).
    fn told_named(
        history: &mut SendHistory,
        (ssrc, begin): (u32, u16),
        metrics: &[u16],
        timestamp: u32,
    ) -> Vec<(u64, i64, bool)> {
        let mut body = ssrc.to_be_bytes().to_vec();
        body.extend(begin.to_be_bytes());
        body.extend((metrics.len() as u16).to_be_bytes());
        body.extend(metrics.iter().flat_map(|metric| metric.to_be_bytes()));
        body.resize(body.len().next_multiple_of(4), 0);
        let words = body.len() as u16 / 4 + 2;
        let mut bytes = vec![0x8B, 205];
        bytes.extend(words.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(body);
        bytes.extend(timestamp.to_be_bytes());
        let Some(Ok(RtcpPacket::CongestionFeedback(feedback))) = packets(&bytes).next() else {
            panic!("feedback");
        };
        let mut reports = Vec::new();
        history.report_named(&feedback, 10_000, &mut reports);
        let start = ((CLOCK_START as u64 * 1_000) >> 16) as i64;
        let row = |report: &PacketReport| {
            let arrived = report.arrived;
            let arrived = arrived.map_or(-1, |at| at.as_millis() as i64 - start);
            (report.sent.number, arrived, report.was_lost)
        };
        reports.iter().map(row).collect()
    }

    #[test]
    fn packets_are_found_by_the_names_that_they_left_with() {
        let mut history = SendHistory::default();
        for index in 0..6_u16 {
            let name = (7 + u32::from(index % 2), 65_534_u16.wrapping_add(index / 2));
            let now = Time::from_millis(index.into());
            history.push_named(name, (1_000, 0), now, 100);
        }
        // Of stream 7 the first came 10/1,024 s before a second, the next is missing, one came.
        let second = 1 << 16;
        let told = told_named(&mut history, (7, 65_534), &[0x800A, 0, 0x8000], second);
        assert_eq!(told, [(2, -1, false), (0, 990, false), (4, 1_000, false)]);
        // Nobody knows when, is no arrival; who was never sent, and other streams, are ignored.
        let told = told_named(
            &mut history,
            (8, 65_533),
            &[0x8000, 0x9FFF, 0x9FFE, 0],
            second,
        );
        assert_eq!(told, [(5, -1, false)]);
        assert_eq!(told_named(&mut history, (9, 65_534), &[0x8000], second), []);
        // What was lost comes after all, by a clock that ran backwards.
        let told = told_named(&mut history, (7, 65_535), &[0x8000], second / 2);
        assert_eq!(told, [(2, 500, true)]);
        assert_eq!(told_named(&mut history, (7, 65_535), &[0x8000], 0), []);
    }

    #[test]
    fn a_receiver_is_heard_however_much_is_under_way() {
        let mut history = SendHistory::default();
        let mut sent = 0;
        let mut send = |history: &mut SendHistory, count: u16| {
            for _ in 0..count {
                let now = Time::from_millis(u64::from(sent) * 4);
                history.push_named((7, sent), (1_000, 0), now, 1_000);
                sent += 1;
            }
        };
        // Of a receiver that never told anything the latest 64 are remembered.
        send(&mut history, 100);
        assert_eq!(told_named(&mut history, (7, 0), &[0x8000; 25], 1 << 16), []);
        send(&mut history, 100);
        let told = told_named(&mut history, (7, 50), &[0x8000; 50], 2 << 16);
        assert_eq!(told.len(), 50);
    }

    #[test]
    fn what_is_told_costs_as_much_as_is_remembered_once() {
        let mut history = SendHistory::default();
        for number in 0..100 {
            history.push_named((7, number), (1_000, 0), Time::ZERO, 1_000);
        }
        let mut bytes = vec![0x8B, 205, 0, 0, 0, 0, 0, 1];
        // One of 64 packets each, of the same stream: the first counts.
        for begin in 36..100_u16 {
            bytes.extend(7_u32.to_be_bytes());
            bytes.extend(begin.to_be_bytes());
            bytes.extend([0, 1, 0x80, 0, 0, 0]);
        }
        bytes.extend([0; 4]);
        let words = (bytes.len() / 4 - 1) as u16;
        bytes[2..4].copy_from_slice(&words.to_be_bytes());
        let Some(Ok(RtcpPacket::CongestionFeedback(feedback))) = packets(&bytes).next() else {
            panic!("feedback");
        };
        // Of which the newest are looked at.
        for (count, found) in [(63, 0), (64, 1)] {
            let mut reports = Vec::new();
            history.report_named(&feedback, count, &mut reports);
            assert_eq!(reports.len(), found);
        }
    }
}
