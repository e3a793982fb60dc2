//! How a stream arrives, for receiver reports (RFC 3550 sections 6.4.1 and A.3).

use flumen::Time;
use flumen::components::wire::rtcp::{ReportBlock, SenderInfo};

use super::unwrap;
use crate::clock::Clock;

/// A stream of packets, as its receiver counts it.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    rate: u32,
    first: Option<u64>,
    /// The highest number, counted on beyond 16 bits.
    pub(crate) newest: u64,
    packets: u64,
    /// Of the last report: packets expected and received.
    before: (u64, u64),
    /// In 1/16 of the RTP clock's ticks.
    jitter: u64,
    transit: Option<u32>,
    last_report: Option<(u32, Time)>,
}

impl Reception {
    pub(crate) fn new(ssrc: u32, rate: u32) -> Self {
        Self {
            ssrc,
            rate,
            first: None,
            newest: 0,
            packets: 0,
            before: (0, 0),
            jitter: 0,
            transit: None,
            last_report: None,
        }
    }

    /// Whether anything came.
    pub(crate) fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// Takes in a packet, and tells its number counted on.
    pub(crate) fn take(&mut self, number: u16, timestamp: u32, now: Time, clock: Clock) -> u64 {
        let number = match self.first {
            // Begun in the second round, so that what comes late has a number, too.
            None => {
                let number = 1 << 16 | u64::from(number);
                (self.first, self.newest) = (Some(number), number);
                number
            }
            Some(_) => unwrap(number, self.newest),
        };
        self.newest = self.newest.max(number);
        self.packets += 1;
        let transit = clock.rtp(now, self.rate).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            self.jitter = (self.jitter + u64::from(change)).saturating_sub((self.jitter + 8) >> 4);
        }
        number
    }

    /// A packet came by another way.
    pub(crate) fn repaired(&mut self) {
        self.packets += 1;
    }

    /// Takes in a sender report.
    pub(crate) fn hear(&mut self, info: &SenderInfo, now: Time) {
        self.last_report = Some(((info.ntp >> 16) as u32, now));
    }

    /// What there is to say of it; nothing before anything came.
    pub(crate) fn block(&mut self, now: Time) -> Option<ReportBlock> {
        let expected = self.newest - self.first? + 1;
        let lost = expected as i64 - self.packets as i64;
        let (expected_before, packets_before) = self.before;
        self.before = (expected, self.packets);
        let expected_since = expected - expected_before;
        let lost_since = expected_since.saturating_sub(self.packets - packets_before);
        let fraction = (lost_since << 8).checked_div(expected_since).unwrap_or(0);
        let delay = |at: Time| ((now - at).as_nanos() * 65_536 / 1_000_000_000) as u32;
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction.min(255) as u8,
            total_lost: lost as i32,
            highest_sequence: (self.newest - (1 << 16)) as u32,
            jitter: (self.jitter >> 4) as u32,
            last_sender_report: self.last_report.map_or(0, |(report, _)| report),
            delay: self.last_report.map_or(0, |(_, at)| delay(at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { drift_ppm: 0 };

    fn take(reception: &mut Reception, numbers: impl IntoIterator<Item = u16>) {
        for number in numbers {
            reception.take(number, 0, Time::ZERO, CLOCK);
        }
    }

    #[test]
    fn loss_is_counted_across_the_wrap() {
        let mut reception = Reception::new(1, 90_000);
        assert_eq!(reception.block(Time::ZERO), None);
        take(&mut reception, [65_534, 65_535, 1, 2, 3]);
        let block = reception.block(Time::ZERO).unwrap();
        assert_eq!((block.total_lost, block.fraction_lost), (1, 42));
        assert_eq!(block.highest_sequence, 1 << 16 | 3);
        take(&mut reception, [4, 5]);
        let block = reception.block(Time::ZERO).unwrap();
        assert_eq!((block.total_lost, block.fraction_lost), (1, 0));
    }

    #[test]
    fn a_late_packet_is_not_lost() {
        let mut reception = Reception::new(1, 90_000);
        take(&mut reception, [1, 3, 2]);
        assert_eq!(reception.block(Time::ZERO).unwrap().total_lost, 0);
    }
}
