//! What a sender is told: more while queues are empty, less once they fill.

use std::time::Duration;

use super::overuse_detector::Usage;
use crate::tick::time::Time;

/// The rate controller of draft-ietf-rmcat-gcc-02 section 5.5: additive or multiplicative increase,
/// multiplicative decrease. Bitrates are in bits a second.
#[derive(Clone, Copy, Debug)]
pub(in crate::feedback) struct RateController {
    /// A_hat.
    estimate: Option<f64>,
    state: State,
    updated_at: Time,
    decreased_at: Option<Time>,
    capacity: Option<Capacity>,
    response_time: Duration,
}

crate::snapshot::state! {
    struct RateController {
        estimate, state, updated_at, decreased_at, capacity, response_time
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    Hold,
    #[default]
    Increase,
    Decrease,
}

crate::snapshot::state! { enum State { Hold, Increase, Decrease } }

/// What arrived when the path was over-used: exponential moving averages.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Capacity {
    mean: f64,
    variance: f64,
}

crate::snapshot::state! { struct Capacity { mean, variance } }

/// beta: what is left of the incoming rate after over-use.
const DECREASE: f64 = 0.85;
/// ln 1.08: multiplicative increase is by 8 % a second.
const GROWTH: f64 = 0.076_961_041_136_128_4;
/// The estimate rises no further than this above what arrives: more was never tried. The rest is
/// for senders of almost nothing.
const HEADROOM: f64 = 1.5;
const HEADROOM_BITS: f64 = 10_000.0;
/// Nothing lower is told: what audio alone needs.
const ESTIMATE_MIN: f64 = 30_000.0;
/// response_time of additive increase is 100 ms and a round trip, which no receiver knows for sure:
/// 200 ms is a slow one.
const RESPONSE_DELAY: Duration = Duration::from_millis(100);
const ROUND_TRIP: Duration = Duration::from_millis(200);
/// After a decrease, the queue needs a round trip before it can tell whether it was enough.
const DECREASE_INTERVAL: Duration = Duration::from_millis(200);
const FRAMES_PER_SECOND: f64 = 30.0;
const PACKET_BITS: f64 = 1_200.0 * 8.0;
const INCREASE_MIN_BITS: f64 = 1_000.0;
/// Smoothing of the capacity.
const CAPACITY_MEMORY: f64 = 0.95;
/// Its standard deviation is taken for no less and no more than these shares of it.
const DEVIATION_MIN: f64 = 0.02;
const DEVIATION_MAX: f64 = 0.1;

impl Default for RateController {
    fn default() -> Self {
        Self {
            estimate: None,
            state: State::default(),
            updated_at: Time::ZERO,
            decreased_at: None,
            capacity: None,
            response_time: RESPONSE_DELAY + ROUND_TRIP,
        }
    }
}

impl RateController {
    /// A controller that begins with `bitrate` bits a second.
    pub(in crate::feedback) fn starting_at(bitrate: f64) -> Self {
        Self {
            estimate: Some(bitrate),
            ..Self::default()
        }
    }

    /// The round trip was measured.
    pub(in crate::feedback) fn set_round_trip(&mut self, round_trip: Duration) {
        self.response_time = RESPONSE_DELAY + round_trip;
    }

    /// Something else than queues says that the path carries `bitrate` bits a second.
    pub(in crate::feedback) fn set(&mut self, bitrate: f64) {
        self.estimate = Some(bitrate.max(ESTIMATE_MIN));
        self.capacity = None;
    }

    /// The path carries no more than `bitrate` bits a second.
    pub(in crate::feedback) fn set_capacity(&mut self, bitrate: f64) {
        self.capacity = Some(Capacity::updated(None, bitrate));
    }

    /// The estimate, once there is one.
    pub(in crate::feedback) fn estimate(&self) -> Option<f64> {
        self.estimate
    }

    /// Takes in what is made of the path at `now`, at which `incoming` bits a second arrive.
    pub(in crate::feedback) fn update(&mut self, usage: Usage, incoming: f64, now: Time) {
        let estimate = *self.estimate.get_or_insert(incoming.max(ESTIMATE_MIN));
        self.state = match (self.state, usage) {
            (_, Usage::Over) => State::Decrease,
            (_, Usage::Under) | (State::Decrease, Usage::Normal) => State::Hold,
            (_, Usage::Normal) => State::Increase,
        };
        let next = match self.state {
            State::Hold => estimate,
            State::Increase => self.increased(estimate, incoming, now),
            State::Decrease => self.decreased(estimate, incoming, now),
        };
        self.estimate = Some(next.max(ESTIMATE_MIN));
        self.updated_at = now;
    }

    fn increased(&mut self, estimate: f64, incoming: f64, now: Time) -> f64 {
        let since = (now - self.updated_at).min(Duration::from_secs(1));
        if self
            .capacity
            .is_some_and(|known| known.is_exceeded_by(incoming))
        {
            self.capacity = None;
        }
        let raised = match self.capacity {
            Some(_) => estimate + additive_step(estimate, since, self.response_time),
            None => estimate * growth(since.as_secs_f64()),
        };
        let ceiling = HEADROOM * incoming + HEADROOM_BITS;
        // What arrives may be little because little is sent: that lowers nothing.
        raised.min(ceiling).max(estimate)
    }

    fn decreased(&mut self, estimate: f64, incoming: f64, now: Time) -> f64 {
        if self
            .decreased_at
            .is_some_and(|at| now - at < DECREASE_INTERVAL)
        {
            return estimate;
        }
        self.decreased_at = Some(now);
        let known = self.capacity.filter(|known| !known.is_missed_by(incoming));
        self.capacity = Some(Capacity::updated(known, incoming));
        (DECREASE * incoming).min(estimate)
    }
}

impl Capacity {
    fn updated(known: Option<Self>, incoming: f64) -> Self {
        let Some(known) = known else {
            return Self {
                mean: incoming,
                variance: 0.0,
            };
        };
        let mix = |old: f64, new: f64| CAPACITY_MEMORY * old + (1.0 - CAPACITY_MEMORY) * new;
        let distance = incoming - known.mean;
        Self {
            mean: mix(known.mean, incoming),
            variance: mix(known.variance, distance * distance),
        }
    }

    fn three_deviations(self) -> f64 {
        let deviation = self.variance.sqrt();
        3.0 * deviation.clamp(DEVIATION_MIN * self.mean, DEVIATION_MAX * self.mean)
    }

    fn is_exceeded_by(self, incoming: f64) -> bool {
        incoming > self.mean + self.three_deviations()
    }

    fn is_missed_by(self, incoming: f64) -> bool {
        incoming < self.mean - self.three_deviations()
    }
}

/// Near the capacity: about half a packet every response time.
fn additive_step(estimate: f64, since: Duration, response_time: Duration) -> f64 {
    let frame_bits = estimate / FRAMES_PER_SECOND;
    let packet_bits = frame_bits / (frame_bits / PACKET_BITS).ceil();
    let share = (since.as_secs_f64() / response_time.as_secs_f64()).min(1.0);
    // The least step of the draft is for updates once a response time.
    (0.5 * packet_bits).max(INCREASE_MIN_BITS) * share
}

/// 1.08^x for x from 0 to 1: four terms of the series of e^(x ln 1.08), wrong by less than two
/// parts in a million.
fn growth(x: f64) -> f64 {
    let x = GROWTH * x;
    1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Usage::{Normal, Over, Under};

    /// (milliseconds, usage, incoming, estimate after it), in thousands of bits a second.
    #[track_caller]
    fn check(rows: &[(u64, Usage, f64, f64)]) {
        let mut controller = RateController::default();
        for &(ms, usage, incoming, expected) in rows {
            controller.update(usage, incoming * 1_000.0, Time::from_millis(ms));
            let estimate = controller.estimate().unwrap() / 1_000.0;
            assert!((estimate - expected).abs() < 0.01, "{estimate} at {ms} ms");
        }
    }

    #[test]
    fn it_grows_by_eight_percent_a_second_up_to_what_was_tried() {
        check(&[
            (0, Normal, 1_000.0, 1_000.0),
            (1_000, Normal, 1_000.0, 1_080.0),
            (1_500, Normal, 1_000.0, 1_122.37),
            // At most a second counts.
            (9_000, Normal, 1_000.0, 1_212.16),
            // 1.5 x 800 + 10 = 1,210 lowers nothing; 1.5 x 802 + 10 is the ceiling.
            (10_000, Normal, 800.0, 1_212.16),
            (11_000, Normal, 802.0, 1_213.0),
        ]);
    }

    #[test]
    fn overuse_lowers_it_below_what_arrives_and_it_holds_before_it_grows() {
        check(&[
            (0, Normal, 1_000.0, 1_000.0),
            (100, Over, 1_000.0, 850.0),
            // Too soon to judge.
            (200, Over, 900.0, 850.0),
            (300, Over, 900.0, 765.0),
            (400, Normal, 900.0, 765.0),
            // Half a packet of 1,200 bytes, shortened to frames of 25,500 bits in three packets:
            // 4,250 bits in 300 ms, of which 200 ms have passed.
            (600, Normal, 900.0, 767.83),
            (700, Under, 900.0, 767.83),
        ]);
    }

    #[test]
    fn overuse_never_raises_it() {
        check(&[(0, Normal, 100.0, 100.0), (100, Over, 900.0, 100.0)]);
        check(&[(0, Normal, 1.0, 30.0), (100, Over, 1.0, 30.0)]);
    }

    #[test]
    fn a_capacity_that_is_exceeded_is_forgotten() {
        check(&[
            (0, Normal, 1_000.0, 1_000.0),
            (100, Over, 1_000.0, 850.0),
            (200, Normal, 1_000.0, 850.0),
            // More than 6 % above 1,000: by 8 % a second again.
            (1_200, Normal, 1_061.0, 918.0),
        ]);
    }

    #[test]
    fn the_series_is_close_enough() {
        assert!((growth(1.0) - 1.08).abs() < 2e-6);
        // The square root of 1.08.
        assert!((growth(0.5) - 1.039_230_484_5).abs() < 2e-7);
        assert!((growth(0.0) - 1.0).abs() < 1e-12);
    }
}
