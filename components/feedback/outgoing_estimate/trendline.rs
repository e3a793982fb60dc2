//! How fast the delay of a path grows.

use super::estimator::millis;
use crate::feedback::congestion::packet_groups::Delta;
use crate::tick::time::Time;

/// A line through the smoothed delays of the latest groups of packets: what present Google
/// congestion control has in place of the draft's Kalman filter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trendline {
    groups: u32,
    began: Option<Time>,
    /// How much longer the newest group was on its way than the first one, in milliseconds.
    accumulated: f64,
    smoothed: f64,
    /// The newest groups: when they arrived and their smoothed delays, in milliseconds.
    points: [(f64, f64); POINTS],
    slope: f64,
}

crate::snapshot::state! { struct Trendline { groups, began, accumulated, smoothed, points, slope } }

const POINTS: usize = 20;
const SMOOTHING: f64 = 0.9;
/// The scale of the detector's thresholds.
const GAIN: f64 = 4.0;
/// Groups of which a slope may still be noise.
const SCALE_MAX: u32 = 60;

impl Trendline {
    /// Takes in a group that arrived at `at`; returns the trend in milliseconds.
    pub(super) fn update(&mut self, delta: Delta, at: Time) -> f64 {
        let began = *self.began.get_or_insert(at);
        self.accumulated += delta.arrived_ms - delta.sent_ms;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        self.points[self.groups as usize % POINTS] = (millis(at - began), self.smoothed);
        self.groups = self.groups.wrapping_add(1);
        if self.groups as usize >= POINTS {
            self.slope = slope(&self.points).unwrap_or(self.slope);
        }
        self.trend()
    }

    /// The slope over the groups seen, in milliseconds.
    pub(super) fn trend(&self) -> f64 {
        f64::from(self.groups.min(SCALE_MAX)) * self.slope * GAIN
    }
}

/// The slope of the line with the least squares; none when all points lie above each other.
fn slope(points: &[(f64, f64); POINTS]) -> Option<f64> {
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / POINTS as f64;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - x_mean) * (y - y_mean);
        below += (x - x_mean) * (x - x_mean);
    }
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The trend after `groups` groups, 20 ms apart when sent and `arrived_ms` when they arrive.
    fn trend(groups: u32, arrived_ms: f64) -> f64 {
        let mut line = Trendline::default();
        for group in 0..groups {
            let at = Time::from_micros((f64::from(group) * arrived_ms * 1_000.0) as u64);
            let sent_ms = 20.0;
            line.update(
                Delta {
                    sent_ms,
                    arrived_ms,
                },
                at,
            );
        }
        line.trend()
    }

    #[test]
    fn a_steady_path_has_no_trend_and_few_groups_tell_none() {
        assert!(trend(100, 20.0).abs() < 1e-9);
        assert!(trend(19, 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_queue_that_grows_shows_as_its_slope() {
        // 20 ms longer every 40 ms: 0.5, of 60 groups, times 4.
        assert!(
            (trend(200, 40.0) - 120.0).abs() < 0.1,
            "{}",
            trend(200, 40.0)
        );
        // 10 ms shorter every 10 ms.
        assert!(
            (trend(200, 10.0) + 240.0).abs() < 0.1,
            "{}",
            trend(200, 10.0)
        );
    }
}
