//! How much arrives at a receiver.

use super::estimator::{PacketReport, millis};
use crate::tick::time::Time;

/// The bitrate that a receiver acknowledges: samples over a window of its own clock, of which those
/// that are far from what is believed count less (the Bayesian estimate of present Google
/// congestion control).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AcknowledgedRate {
    /// Bits a millisecond, which are thousands of bits a second.
    mean: Option<f64>,
    variance: f64,
    /// Of the newest report alone, if it told of some time.
    newest: Option<f64>,
    /// The packet that arrived last: when, and its bytes.
    last: Option<(Time, u16)>,
    window_ms: f64,
    bytes: u64,
    /// The highest number of those that were told of.
    told: Option<u64>,
}

crate::snapshot::state! {
    struct AcknowledgedRate {
        mean, variance, newest, last, window_ms, bytes, told
    }
}

/// The window of the first sample, and of the others.
const FIRST_WINDOW_MS: f64 = 500.0;
const WINDOW_MS: f64 = 150.0;
/// How much a sample's distance is taken for noise.
const UNCERTAINTY: f64 = 10.0;
const VARIANCE_AT_FIRST: f64 = 50.0;
/// How much what is believed becomes uncertain with every sample.
const DRIFT: f64 = 5.0;
/// The same when more begins to be sent: what arrived of little says little of much.
const DOUBT: f64 = 200.0;
/// A shorter report says little of a rate.
const REPORT_MIN_MS: f64 = 40.0;

impl AcknowledgedRate {
    /// Takes in what was told of packets at once, in the order of their arrival.
    pub(super) fn report(&mut self, reports: &[PacketReport]) {
        let numbers = || reports.iter().map(|report| report.sent.number);
        if numbers().min() > self.told.map(|told| told + 1) {
            self.miss();
        }
        self.told = self.told.max(numbers().max());
        let arrived = |report: &PacketReport| Some((report.arrived?, report.sent.bytes));
        self.newest = rate_of(reports.iter().filter_map(arrived));
        for (at, bytes) in reports.iter().filter_map(arrived) {
            self.add(bytes, at);
        }
    }

    /// Nobody told of some packets: how much came between those before and those that come now is
    /// not known.
    fn miss(&mut self) {
        if let Some((_, bytes)) = self.last.take() {
            self.bytes = self.bytes.saturating_sub(bytes.into());
        }
    }

    /// Much more begins to be sent.
    pub(super) fn doubt(&mut self) {
        self.variance += DOUBT;
    }

    /// Takes in `bytes` that arrived at `at`.
    fn add(&mut self, bytes: u16, at: Time) {
        let window = match self.mean {
            None => FIRST_WINDOW_MS,
            Some(_) => WINDOW_MS,
        };
        if let Some(sample) = self.sample(at, window) {
            self.take(sample);
        }
        self.last = Some((at, bytes));
        self.bytes += u64::from(bytes);
    }

    /// Bits a second; nothing before the first window is over.
    pub(super) fn bits_per_second(&self) -> Option<f64> {
        self.mean.map(|mean| mean * 1_000.0)
    }

    /// Bits a second of the newest report alone, if it told of some time.
    pub(super) fn newest(&self) -> Option<f64> {
        self.newest.map(|newest| newest * 1_000.0)
    }

    /// Bits a second of the newest report alone, when that is less: what gets out of a queue that is
    /// not empty is what the path carries just now.
    pub(super) fn least(&self) -> Option<f64> {
        let mean = self.bits_per_second()?;
        Some(self.newest().map_or(mean, |newest| newest.min(mean)))
    }

    /// Moves the window on; the rate in it when it is full.
    fn sample(&mut self, at: Time, window: f64) -> Option<f64> {
        let last = self.last.map_or(at, |(last, _)| last);
        if at < last {
            (self.window_ms, self.bytes) = (0.0, 0);
            return None;
        }
        let step = millis(at - last);
        self.window_ms += step;
        if step > window {
            // After a gap only what follows it says how fast it arrives.
            (self.window_ms, self.bytes) = (0.0, 0);
        }
        if self.window_ms < window {
            return None;
        }
        let bits = std::mem::take(&mut self.bytes) as f64 * 8.0;
        let span = std::mem::take(&mut self.window_ms);
        Some(bits / span)
    }

    fn take(&mut self, sample: f64) {
        let Some(mean) = self.mean else {
            (self.mean, self.variance) = (Some(sample), VARIANCE_AT_FIRST);
            return;
        };
        let deviation = UNCERTAINTY * (mean - sample).abs() / mean.max(sample).max(1.0);
        let noise = deviation * deviation;
        let variance = self.variance + DRIFT;
        self.mean = Some((noise * mean + variance * sample) / (noise + variance));
        self.variance = noise * variance / (noise + variance);
    }
}

/// Bits a millisecond of packets, in the order of their arrival: those behind the first, over the
/// time that they came in.
fn rate_of(mut arrivals: impl Iterator<Item = (Time, u16)>) -> Option<f64> {
    let (first, _) = arrivals.next()?;
    let sum = |(_, sum), (at, bytes)| (at, sum + u64::from(bytes));
    let (last, bytes) = arrivals.fold((first, 0), sum);
    let span = millis(last - first);
    (span >= REPORT_MIN_MS).then(|| bytes as f64 * 8.0 / span)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate after each span of (ms, bytes every 10 ms).
    fn rates(spans: &[(u64, u16)]) -> Vec<u64> {
        let (mut rate, mut now) = (AcknowledgedRate::default(), 1_000);
        let mut run = |&(ms, bytes): &(u64, u16)| {
            for _ in 0..ms / 10 {
                now += 10;
                rate.add(bytes, Time::from_millis(now));
            }
            rate.bits_per_second().map_or(0, |bits| bits as u64)
        };
        spans.iter().map(&mut run).collect()
    }

    #[test]
    fn half_a_second_is_measured_first() {
        assert_eq!(rates(&[(500, 1_250), (10, 1_250)]), [0, 1_000_000]);
    }

    #[test]
    fn a_change_is_followed_within_a_second() {
        let rates = rates(&[(2_000, 1_250), (1_000, 500), (1_000, 1_250)]);
        assert!(rates[1] < 500_000, "{rates:?}");
        assert!(rates[2] > 850_000, "{rates:?}");
    }

    #[test]
    fn a_gap_and_a_clock_that_runs_backwards_say_nothing() {
        let mut rate = AcknowledgedRate::default();
        for ms in (0..1_000).step_by(10) {
            rate.add(1_250, Time::from_millis(ms));
        }
        let before = rate.bits_per_second();
        for ms in [9_000, 9_010, 100, 110, 9_000, 0] {
            rate.add(1_250, Time::from_millis(ms));
        }
        assert_eq!(rate.bits_per_second(), before);
    }
}
