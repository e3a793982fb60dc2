//! What is reported of a stream, and what reports about it told (RFC 3550 section 6.4).

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::media::reception::Reception;
use crate::media::sample::Sample;
use crate::tick::time::Time;
use crate::wire::ntp;
use crate::wire::rtcp::ReportBlock;

/// Reports of a received stream. Written by Receive, Score and Feedback.
#[derive(Component, Clone, Debug, Default)]
pub struct Reporting {
    heard: SenderReport,
    /// Retransmissions with an SSRC of their own are reported by it, and report by it.
    retransmissions_heard: SenderReport,
    retransmissions: Counters,
    round_trip: Duration,
    reported: Counters,
    sampled: Counters,
    /// The share of packets lost between the last two reports, in 1/256.
    pub fraction_lost: u8,
    /// The packets lost up to the last report, since the sender's numbers began.
    pub packets_lost: i32,
    /// The loss that was told: where a consumer's was worse, that.
    told_lost: i32,
    /// How often the numbers had begun anew at the last report.
    restarts: u32,
}

crate::snapshot::state! {
    struct Reporting {
        heard, retransmissions_heard, retransmissions, round_trip, reported, sampled,
        fraction_lost, packets_lost, told_lost, restarts
    }
}

/// The last sender report of an SSRC: the middle 32 bits of its NTP time, and when it arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SenderReport(Option<(u32, Time)>);

crate::snapshot::state! { struct SenderReport(it) }

impl SenderReport {
    /// Takes in the NTP time of a report that arrived at `now`. Zero means that the sender has no
    /// clock.
    fn hear(&mut self, ntp_time: u64, now: Time) {
        if ntp_time != 0 {
            self.0 = Some((ntp::middle(ntp_time), now));
        }
    }

    /// What a report block at `now` says of it (LSR and DLSR of RFC 3550 section 6.4.1).
    fn at(self, now: Time) -> (u32, u32) {
        let Some((middle, at)) = self.0 else {
            return (0, 0);
        };
        let delay = (now - at).as_nanos() * 65_536 / 1_000_000_000;
        (middle, u32::try_from(delay).unwrap_or(u32::MAX))
    }
}

/// What had happened to a stream at some time, over all restarts of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    expected: u32,
    received: u32,
    repaired: u32,
    retransmitted: u32,
}

crate::snapshot::state! { struct Counters { expected, received, repaired, retransmitted } }

impl Counters {
    fn of(reception: &Reception) -> Self {
        Self {
            expected: reception.sequence.expected(),
            received: reception.sequence.received() as u32,
            repaired: reception.repaired as u32,
            retransmitted: reception.retransmitted as u32,
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            expected: self.expected.wrapping_sub(earlier.expected),
            received: self.received.wrapping_sub(earlier.received),
            repaired: self.repaired.wrapping_sub(earlier.repaired),
            retransmitted: self.retransmitted.wrapping_sub(earlier.retransmitted),
        }
    }
}

impl Reporting {
    /// Takes in the NTP time of a sender report that arrived at `now`. Zero means that the sender
    /// has no clock.
    pub fn sender_report(&mut self, ntp_time: u64, now: Time) {
        self.heard.hear(ntp_time, now);
    }

    /// Takes in a sender report about the stream of retransmissions.
    pub fn retransmission_report(&mut self, ntp_time: u64, now: Time) {
        self.retransmissions_heard.hear(ntp_time, now);
    }

    /// Takes in a measured round-trip time.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// The round-trip time to the sender, zero when it is not known.
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// What happened since the last sample; `separate` says that retransmissions have a stream of
    /// their own.
    pub fn sample(&mut self, reception: &Reception, separate: bool) -> Sample {
        let counters = Counters::of(reception);
        let delta = counters.since(self.sampled);
        self.sampled = counters;
        Sample {
            expected: delta.expected,
            received: delta.received,
            repaired: delta.repaired,
            retransmitted: delta.retransmitted,
            separate,
        }
    }

    /// The report block of the stream at `now`. What was lost since the last one counts from there;
    /// when a consumer lost more, the share `worst` in 1/256, that is told instead, so that the
    /// sender protects the stream for it.
    pub fn block(&mut self, ssrc: u32, reception: &Reception, now: Time, worst: u8) -> ReportBlock {
        let counters = Counters::of(reception);
        let delta = counters.since(self.reported);
        self.reported = counters;
        self.fraction_lost = fraction(delta.expected, delta.received);
        let sequence = &reception.sequence;
        let mut expected = delta.expected;
        if std::mem::replace(&mut self.restarts, sequence.restarts()) != sequence.restarts() {
            (self.packets_lost, self.told_lost) = (0, 0);
            expected = sequence.expected_in_run();
        }
        let before = std::mem::replace(&mut self.packets_lost, sequence.lost());
        let lost = match worst > self.fraction_lost {
            true => ((u64::from(worst) * u64::from(expected)) >> 8) as i32,
            false => self.packets_lost.wrapping_sub(before),
        };
        self.told_lost = self.told_lost.saturating_add(lost);
        let (last_sender_report, delay) = self.heard.at(now);
        ReportBlock {
            ssrc,
            fraction_lost: self.fraction_lost.max(worst),
            total_lost: self.told_lost,
            highest_sequence: sequence.extended_highest(),
            jitter: reception.jitter.in_clock_units(),
            last_sender_report,
            delay,
        }
    }

    /// The report block of the stream of retransmissions at `now`, from its own sequence numbers. A
    /// sender that takes its round trip from the last block it reads finds it here too.
    pub fn retransmission_block(
        &mut self,
        ssrc: u32,
        reception: &Reception,
        now: Time,
    ) -> ReportBlock {
        let counters = Counters {
            expected: reception.rtx.expected(),
            received: reception.rtx.received() as u32,
            ..Counters::default()
        };
        let delta = counters.since(self.retransmissions);
        self.retransmissions = counters;
        let (last_sender_report, delay) = self.retransmissions_heard.at(now);
        ReportBlock {
            ssrc,
            fraction_lost: fraction(delta.expected, delta.received),
            total_lost: reception.rtx.lost(),
            highest_sequence: reception.rtx.extended_highest(),
            jitter: 0,
            last_sender_report,
            delay,
        }
    }
}

/// The share of `expected` that was not received, in 1/256; all of it is 255.
fn fraction(expected: u32, received: u32) -> u8 {
    let lost = expected.saturating_sub(received);
    if expected == 0 || lost == 0 || lost.cast_signed() < 0 {
        return 0;
    }
    let rounded = (u64::from(lost) * 512 + u64::from(expected)) / (2 * u64::from(expected));
    u8::try_from(rounded).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(numbers: impl IntoIterator<Item = u16>) -> Reception {
        let mut reception = Reception::default();
        take(&mut reception, numbers);
        reception
    }

    fn take(reception: &mut Reception, numbers: impl IntoIterator<Item = u16>) {
        for number in numbers {
            reception.sequence.update(number, 0, Time::ZERO);
        }
    }

    #[test]
    fn loss_is_counted_from_report_to_report() {
        let mut reporting = Reporting::default();
        let mut reception = received([1, 2, 4, 5]);
        let block = reporting.block(9, &reception, Time::ZERO, 0);
        assert_eq!(
            (
                block.fraction_lost,
                block.total_lost,
                block.highest_sequence
            ),
            (51, 1, 5)
        );
        take(&mut reception, [6, 7]);
        let block = reporting.block(9, &reception, Time::ZERO, 0);
        assert_eq!((block.fraction_lost, block.total_lost), (0, 1));
    }

    #[test]
    fn the_worst_loss_of_a_consumer_is_told_when_it_is_worse() {
        let mut reporting = Reporting::default();
        let mut reception = received(1..=64);
        let mut told = |reception: &Reception, worst| {
            let block = reporting.block(9, reception, Time::ZERO, worst);
            let own = (reporting.fraction_lost, reporting.packets_lost);
            (block.fraction_lost, block.total_lost, own)
        };
        // A quarter of 64.
        assert_eq!(told(&reception, 64), (64, 16, (0, 0)));
        // One of nine is lost, 28 / 256, and no consumer lost more.
        take(&mut reception, 65..=71);
        take(&mut reception, [73]);
        assert_eq!(told(&reception, 28), (28, 17, (28, 1)));
    }

    #[test]
    fn the_delay_since_a_sender_report_is_told() {
        let mut reporting = Reporting::default();
        reporting.sender_report(0x1111_2222_3333_4444, Time::from_millis(500));
        let block = reporting.block(9, &received([1]), Time::from_millis(2_000), 0);
        assert_eq!(
            (block.last_sender_report, block.delay),
            (0x2222_3333, 98_304)
        );
        let mut silent = Reporting::default();
        silent.sender_report(0, Time::ZERO);
        assert_eq!(
            silent
                .block(9, &received([1]), Time::from_secs(1), 0)
                .last_sender_report,
            0
        );
    }

    #[test]
    fn retransmissions_are_reported_by_their_own_numbers() {
        let mut reporting = Reporting::default();
        let mut reception = Reception::default();
        for number in [7, 8, 10, 11] {
            reception.rtx.update(number, 0, Time::ZERO);
        }
        reporting.sender_report(1 << 20, Time::ZERO);
        reporting.retransmission_report(0x1111_2222_3333_4444, Time::from_millis(500));
        let now = Time::from_millis(2_000);
        let block = reporting.retransmission_block(9, &reception, now);
        assert_eq!((block.fraction_lost, block.total_lost), (51, 1));
        assert_eq!((block.highest_sequence, block.jitter), (11, 0));
        assert_eq!(
            (block.last_sender_report, block.delay),
            (0x2222_3333, 98_304)
        );
        let block = reporting.retransmission_block(9, &reception, now);
        assert_eq!((block.fraction_lost, block.total_lost), (0, 1));
    }

    #[test]
    fn a_sample_covers_what_happened_since_the_last_one() {
        let mut reporting = Reporting::default();
        let mut reception = received([1, 2, 3]);
        assert_eq!(reporting.sample(&reception, true).expected, 3);
        take(&mut reception, [5]);
        let sample = reporting.sample(&reception, true);
        assert_eq!((sample.expected, sample.received), (2, 1));
    }

    #[test]
    fn all_lost_is_255() {
        assert_eq!(
            (fraction(10, 0), fraction(10, 10), fraction(0, 0)),
            (255, 0, 0)
        );
        assert_eq!(fraction(5, 6), 0, "duplicates are no negative loss");
    }
}
