//! What a consumer's receiver tells of what it gets (RFC 3550 section 6.4).

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

use crate::media::sample::Sample;
use crate::wire::ntp;
use crate::wire::rtcp::ReportBlock;

/// What the receiver of a consumer reports. Written by Receive and Feedback.
#[derive(Component, Clone, Debug, Default)]
pub struct RemoteReception {
    /// Packets lost, as told last; negative when duplicates outnumber losses.
    pub packets_lost: i32,
    /// The share lost between its last two reports, in 1/256.
    pub fraction_lost: u8,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    round_trip: Duration,
    /// Middle bits of the times of the latest sender reports, the latest first.
    sender_reports: [u32; REMEMBERED_REPORTS],
    sampled: Counters,
}

crate::snapshot::state! {
    struct RemoteReception {
        packets_lost, fraction_lost, jitter, round_trip, sender_reports, sampled
    }
}

/// This many sender reports may be answered: at one a second or less, a round trip of three
/// seconds.
const REMEMBERED_REPORTS: usize = 4;

/// What a consumer had sent at some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets sent, without those sent again.
    pub sent: u32,
    /// Packets lost, as its receiver tells.
    pub lost: u32,
    /// Packets sent again for the first time.
    pub repaired: u32,
    /// Packets sent again.
    pub retransmitted: u32,
}

crate::snapshot::state! { struct Counters { sent, lost, repaired, retransmitted } }

impl RemoteReception {
    /// Takes note of a sender report that leaves at NTP time `ntp`.
    pub fn sender_report(&mut self, ntp: u64) {
        self.sender_reports.rotate_right(1);
        self.sender_reports[0] = ntp::middle(ntp);
    }

    /// Takes in what the receiver tells at NTP time `now`, of a consumer that has sent so much
    /// (`lost` is not read); returns the score of what happened since it told the last time.
    pub fn receive(&mut self, block: &ReportBlock, now: u64, counters: Counters) -> u8 {
        self.packets_lost = block.total_lost;
        self.fraction_lost = block.fraction_lost;
        self.jitter = block.jitter;
        self.measure(block, ntp::middle(now));
        let lost = block.total_lost.max(0).cast_unsigned();
        let counters = Counters { lost, ..counters };
        let earlier = std::mem::replace(&mut self.sampled, counters);
        let sent = counters.sent.wrapping_sub(earlier.sent);
        // Where the total falls, packets came late, or the receiver counts anew: the share tells.
        let lost = counters.lost.checked_sub(earlier.lost);
        let by_share = (u64::from(sent) * u64::from(block.fraction_lost)) >> 8;
        let lost = lost.unwrap_or(by_share as u32);
        score(earlier, counters, lost)
    }

    /// The round-trip time to the receiver, zero when it is not known.
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Only the answer to a report that was sent measures anything.
    fn measure(&mut self, block: &ReportBlock, now: u32) {
        if !self.sender_reports.contains(&block.last_sender_report) {
            return;
        }
        if let Some(time) = ntp::round_trip(now, block.last_sender_report, block.delay) {
            // Q16.16 seconds.
            self.round_trip = Duration::from_micros((u64::from(time) * 1_000_000) >> 16);
        }
    }
}

/// The score of what happened between two reports, when so many were lost. Nothing sent is nothing
/// lost.
fn score(earlier: Counters, now: Counters, lost: u32) -> u8 {
    let sent = now.sent.wrapping_sub(earlier.sent);
    if sent == 0 {
        return 10;
    }
    let lost = lost.min(sent);
    let sample = Sample {
        expected: sent.saturating_add(lost),
        received: sent,
        repaired: now.repaired.wrapping_sub(earlier.repaired),
        retransmitted: now.retransmitted.wrapping_sub(earlier.retransmitted),
        separate: true,
    };
    sample.score()
}

/// Consumers of which a report arrived in this tick, and the score of what it tells. Filled by
/// Receive, emptied by Score.
#[derive(Debug, Default)]
pub struct ReceiverReports(pub Vec<(Entity, u8)>);

crate::snapshot::state! { struct ReceiverReports(it) }

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(sent: u32, repaired: u32, retransmitted: u32) -> Counters {
        Counters {
            sent,
            repaired,
            retransmitted,
            ..Counters::default()
        }
    }

    fn block(total_lost: i32) -> ReportBlock {
        ReportBlock {
            total_lost,
            ..ReportBlock::default()
        }
    }

    #[test]
    fn a_report_scores_what_happened_since_the_last_one() {
        let mut remote = RemoteReception::default();
        // Rows: sent, repaired and retransmitted so far, lost so far as told; score.
        let rows = [
            (counters(100, 0, 0), 0, 10),
            // 10 of 100: (90 / 100)^4 * 10 = 6.56.
            (counters(200, 0, 0), 10, 7),
            // Nothing was sent.
            (counters(200, 0, 0), 12, 10),
            // The total fell: nothing was lost.
            (counters(300, 0, 0), 5, 10),
            // All of it repaired at once: w = (1 / 1.1)^4 = 0.683; lost 10 - 6.83 = 3;
            // (97 / 100)^4 * 10 = 8.85.
            (counters(400, 10, 10), 15, 9),
            // Each sent twice: w = 0.3415; lost 10 - 3.4 = 6; (94 / 100)^4 * 10 = 7.8.
            (counters(500, 20, 30), 25, 8),
            // More lost than sent.
            (counters(600, 20, 30), 1_000, 0),
            // Negative: duplicates.
            (counters(700, 20, 30), -5, 10),
        ];
        for (counters, lost, score) in rows {
            assert_eq!(
                remote.receive(&block(lost), 0, counters),
                score,
                "{counters:?}"
            );
        }
    }

    #[test]
    fn a_receiver_that_counts_anew_tells_its_loss_by_the_share() {
        let mut remote = RemoteReception::default();
        remote.receive(&block(50), 0, counters(100, 0, 0));
        let anew = ReportBlock {
            fraction_lost: 26,
            ..block(10)
        };
        // 10 of 100, as in the test above.
        assert_eq!(remote.receive(&anew, 0, counters(200, 0, 0)), 7);
        assert_eq!(remote.receive(&block(20), 0, counters(300, 0, 0)), 7);
    }

    #[test]
    fn absurd_reports_do_no_harm() {
        let mut remote = RemoteReception::default();
        for lost in [i32::MIN, i32::MAX, 0, i32::MAX] {
            remote.receive(&block(lost), u64::MAX, counters(u32::MAX, u32::MAX, 0));
            remote.receive(&block(lost), 0, counters(0, 0, u32::MAX));
        }
    }

    #[test]
    fn the_round_trip_is_what_the_receiver_did_not_hold() {
        let mut remote = RemoteReception::default();
        let seconds = |seconds: u64| seconds << 32;
        let answer = |last: u64, delay| ReportBlock {
            last_sender_report: ntp::middle(seconds(last)),
            delay,
            ..ReportBlock::default()
        };
        for sent in 10..=15 {
            remote.sender_report(seconds(sent));
        }
        // Half a second of two was held: 1.5 seconds.
        remote.receive(&answer(13, 1 << 15), seconds(15), Counters::default());
        assert_eq!(remote.round_trip(), Duration::from_millis(1_500));
        // None was sent at 9 s, that of 11 s is forgotten, and the last row was held for longer
        // than it can have been there.
        for (last, delay) in [(9, 1), (11, 1), (14, 3 << 16)] {
            remote.receive(&answer(last, delay), seconds(16), Counters::default());
            assert_eq!(remote.round_trip(), Duration::from_millis(1_500));
        }
    }
}
