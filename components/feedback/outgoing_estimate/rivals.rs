//! Others who fill the queue of a path.

use std::time::Duration;

use super::delays::Delays;
use crate::tick::time::Time;

/// Whether others fill the queue, as flows of TCP do, and what is believed of the path then.
///
/// Who yields to their queue leaves all to them, and it becomes no shorter. So while they are there,
/// what counts is loss, as it does for them: a little more every round trip, and less when packets are lost.
/// They are met where a queue stands although so little is sent for so long that it would be empty if
/// it was of that, and left once it is empty. A way that has become longer looks the same, but does
/// not move; and who else was there may have gone, and the queue be one's own: so now and then it is
/// looked again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rivals {
    met: Option<Met>,
    left_at: Option<Time>,
    /// When what is believed was last set with them there.
    believed_at: Option<Time>,
    /// What is believed at least when they are met, in bits a second.
    resumed: f64,
    cut_at: Option<Time>,
}

crate::snapshot::state! { struct Rivals { met, left_at, believed_at, resumed, cut_at } }

#[derive(Clone, Copy, Debug)]
struct Met {
    at: Time,
    /// When their queue was longer than at its shortest.
    moved_at: Time,
}

crate::snapshot::state! { struct Met { at, moved_at } }

/// What was told of packets while they are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Bits a second.
    pub(super) arrives: f64,
    pub(super) is_lost: bool,
    pub(super) round_trip: Duration,
}

/// After so long it is looked again whether the queue is of others.
const MET_MAX: Duration = Duration::from_secs(60);
/// Theirs moves within this time.
const MOVES: Duration = Duration::from_secs(10);
/// Who has left so lately is back when a queue grows.
const LATELY: Duration = Duration::from_secs(30);
/// What is left of what was believed before their queue: as if it had been too much once, and not
/// once a report (the beta of draft-ietf-rmcat-gcc-02 section 5.5).
const RESUMED: f64 = 0.85;
/// Increase in packets a round trip and decrease that are together as fair to TCP as its own 1 and
/// 0.5 (Yang and Lam, General AIMD Congestion Control, 2000), and change less.
const INCREASE: f64 = 0.31;
const DECREASE: f64 = 0.875;
const PACKET_BITS: f64 = 1_200.0 * 8.0;
/// Behind long queues that takes minutes: by so much at least a second. Presently used congestion
/// control of media grows by 0.08.
const GROWTH: f64 = 0.03;
/// No more than so many times what arrives (RFC 5348 section 4.3).
const HEADROOM: f64 = 2.0;
/// What a cut changes is told after a round trip and a report.
const REPORT: Duration = Duration::from_millis(100);
const ROUND_TRIP_MIN: Duration = Duration::from_millis(50);
/// Longer spans between two reports count as this.
const STEP_MAX: Duration = Duration::from_secs(1);

impl Rivals {
    /// Looks at the delays of `path`, of which the queue turned out just now to be `foreign`, or not.
    pub(super) fn watch(&mut self, path: &Delays, is_foreign: bool, now: Time) {
        let is_queued = path.queue.is_proven();
        if let Some(met) = &mut self.met {
            if is_queued {
                met.moved_at = now;
            }
            let is_empty = path.queue.is_empty();
            if is_empty {
                self.left_at = Some(now);
            }
            if is_empty || met.is_over(now) {
                self.met = None;
            }
        }
        let was_there = self.left_at.is_some_and(|at| now - at < LATELY);
        let is_back = self.met.is_none() && was_there && is_queued && path.is_long();
        if is_foreign || is_back {
            self.met = Some(Met {
                at: now,
                moved_at: now,
            });
        }
    }

    /// Nothing is known of their queue any more: neither that they fill it, nor that they have left.
    pub(super) fn lose(&mut self) {
        self.met = None;
    }

    /// They fill the queue.
    pub(super) fn are_there(&self) -> bool {
        self.met.is_some()
    }

    /// They are not there, and so many bits a second are believed of the path, which `is_queued` or not.
    pub(super) fn rest(&mut self, believed: f64, is_queued: bool) {
        if self.believed_at.take().is_some() {
            self.resumed = believed;
        } else if !is_queued {
            self.resumed = RESUMED * believed;
        }
    }

    /// They are there: what is to be believed of the path instead of `believed` bits a second.
    pub(super) fn contend(&mut self, believed: f64, told: Told, now: Time) -> f64 {
        let Some(before) = self.believed_at.replace(now) else {
            return believed.max(self.resumed);
        };
        if told.is_lost {
            return self.cut(believed, told.round_trip, now);
        }
        let since = (now - before).min(STEP_MAX).as_secs_f64();
        let round_trip = told.round_trip.max(ROUND_TRIP_MIN).as_secs_f64();
        let additive = INCREASE * PACKET_BITS / (round_trip * round_trip);
        let raised = believed + since * additive.max(GROWTH * believed);
        // What arrives may be little because little is sent: that lowers nothing.
        raised.min(HEADROOM * told.arrives).max(believed)
    }

    /// What is lost within a round trip is lost once.
    fn cut(&mut self, believed: f64, round_trip: Duration, now: Time) -> f64 {
        let span = round_trip + REPORT;
        if self.cut_at.is_some_and(|at| now - at < span) {
            return believed;
        }
        self.cut_at = Some(now);
        DECREASE * believed
    }
}

impl Met {
    fn is_over(&self, now: Time) -> bool {
        now - self.at > MET_MAX || now - self.moved_at > MOVES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is believed after `ms` of reports every 100 ms, of which every `lost`th tells of loss (0:
    /// none), in kbit/s.
    fn contend(rivals: &mut Rivals, believed: f64, (from, ms): (u64, u64), lost: u64) -> u64 {
        let mut believed = believed * 1_000.0;
        for at in (from..=from + ms).step_by(100) {
            let told = Told {
                arrives: believed,
                is_lost: lost > 0 && (at / 100).is_multiple_of(lost),
                round_trip: Duration::from_millis(400),
            };
            believed = rivals.contend(believed, told, Time::from_millis(at));
        }
        (believed / 1_000.0).round() as u64
    }

    #[test]
    fn what_was_believed_before_their_queue_is_resumed_but_for_one_cut() {
        let mut rivals = Rivals::default();
        rivals.rest(1e6, false);
        rivals.rest(2e5, true);
        assert_eq!(contend(&mut rivals, 200.0, (0, 0), 0), 850);
        // When it was looked again, all of what was believed with them there.
        rivals.rest(6e5, true);
        rivals.rest(1e5, true);
        assert_eq!(contend(&mut rivals, 100.0, (100, 0), 0), 600);
    }

    #[test]
    fn a_third_of_a_packet_more_is_tried_every_round_trip_and_three_percent_a_second_at_least() {
        // 0.31 x 9,600 / 0.4^2 are 18,600 bits a second, for nine tenths of one.
        assert_eq!(contend(&mut Rivals::default(), 300.0, (0, 900), 0), 317);
        assert_eq!(
            contend(&mut Rivals::default(), 1_000.0, (0, 1_000), 0),
            1_030
        );
    }

    #[test]
    fn what_is_lost_within_a_round_trip_is_an_eighth_less_once() {
        let mut rivals = Rivals::default();
        assert_eq!(contend(&mut rivals, 1_000.0, (100, 500), 1), 875);
        assert_eq!(contend(&mut rivals, 875.0, (700, 0), 1), 766);
    }
}
