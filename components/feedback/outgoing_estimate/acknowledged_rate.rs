//! How much arrives at a receiver.

use super::estimator::millis;
use crate::tick::time::Time;

/// The bitrate that a receiver acknowledges: samples over a window of its own clock, of which those
/// that are far from what is believed count less (the Bayesian estimate of present Google
/// congestion control).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AcknowledgedRate {
    /// Bits a millisecond, which are thousands of bits a second.
    mean: Option<f64>,
    variance: f64,
    /// The newest sample.
    latest: f64,
    last: Option<Time>,
    window_ms: f64,
    bytes: u64,
}

crate::snapshot::state! {
    struct AcknowledgedRate {
        mean, variance, latest, last, window_ms, bytes
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

impl AcknowledgedRate {
    /// Takes in `bytes` that arrived at `at`.
    pub(super) fn add(&mut self, bytes: u16, at: Time) {
        let window = match self.mean {
            None => FIRST_WINDOW_MS,
            Some(_) => WINDOW_MS,
        };
        if let Some(sample) = self.sample(at, window) {
            self.take(sample);
        }
        self.bytes += u64::from(bytes);
    }

    /// Bits a second; nothing before the first window is over.
    pub(super) fn bits_per_second(&self) -> Option<f64> {
        self.mean.map(|mean| mean * 1_000.0)
    }

    /// Bits a second of the newest sample alone, when that is less: what gets out of a queue that is
    /// not empty is what the path carries just now.
    pub(super) fn least(&self) -> Option<f64> {
        self.mean.map(|mean| mean.min(self.latest) * 1_000.0)
    }

    /// Moves the window on; the rate in it when it is full.
    fn sample(&mut self, at: Time, window: f64) -> Option<f64> {
        let last = self.last.replace(at).unwrap_or(at);
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
        self.latest = sample;
        let Some(mean) = self.mean else {
            (self.mean, self.variance) = (Some(sample), VARIANCE_AT_FIRST);
            return;
        };
        let deviation = UNCERTAINTY * (mean - sample).abs() / mean.max(1.0);
        let noise = deviation * deviation;
        let variance = self.variance + DRIFT;
        self.mean = Some((noise * mean + variance * sample) / (noise + variance));
        self.variance = noise * variance / (noise + variance);
    }
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
