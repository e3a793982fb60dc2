//! Whether a queue grows, by a threshold that adapts.

use std::time::Duration;

use crate::tick::time::Time;

/// The over-use detector of draft-ietf-rmcat-gcc-02 section 5.4.
#[derive(Clone, Copy, Debug)]
pub(in crate::feedback) struct OveruseDetector {
    /// del_var_th, in milliseconds.
    threshold: f64,
    updated_at: Option<Time>,
    /// How long the offset has been above, in milliseconds of sending, and in how many groups.
    above_ms: f64,
    above_groups: u32,
    previous: f64,
    usage: Usage,
    /// How fast the threshold moves towards an offset beyond it, and towards one within it.
    rise: f64,
    fall: f64,
}

crate::snapshot::state! {
    struct OveruseDetector {
        threshold, updated_at, above_ms, above_groups, previous, usage, rise, fall
    }
}

/// What is made of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feedback) enum Usage {
    /// A queue drains.
    Under,
    /// Queues stay as they are.
    Normal,
    /// A queue grows.
    Over,
}

crate::snapshot::state! { enum Usage { Under, Normal, Over } }

/// overuse_time_th: how long the offset must be above.
const OVERUSE_MS: f64 = 10.0;
const THRESHOLD_AT_FIRST: f64 = 12.5;
const THRESHOLD_MIN: f64 = 6.0;
const THRESHOLD_MAX: f64 = 600.0;
/// K_u and K_d: it rises fast and falls slowly, or a flow that fills queues would starve this one.
const RISE: f64 = 0.01;
const FALL: f64 = 0.000_18;
const SLOPE_RISE: f64 = 0.0087;
const SLOPE_FALL: f64 = 0.039;
/// What is this far above the threshold is no reason to raise it.
const OUTLIER: f64 = 15.0;
/// Longest span that the threshold moves for at once.
const STEP_MAX: Duration = Duration::from_millis(100);

impl Default for OveruseDetector {
    fn default() -> Self {
        Self {
            threshold: THRESHOLD_AT_FIRST,
            updated_at: None,
            above_ms: 0.0,
            above_groups: 0,
            previous: 0.0,
            usage: Usage::Normal,
            rise: RISE,
            fall: FALL,
        }
    }
}

impl OveruseDetector {
    /// A detector of slopes: present Google congestion control follows these the other way round.
    pub(in crate::feedback) fn of_slopes() -> Self {
        Self {
            rise: SLOPE_RISE,
            fall: SLOPE_FALL,
            ..Self::default()
        }
    }

    /// Takes in the offset (in milliseconds) after a group that was sent `sent_ms` after the one
    /// before.
    pub(in crate::feedback) fn update(&mut self, offset: f64, sent_ms: f64, now: Time) -> Usage {
        if offset > self.threshold {
            self.rise_above(offset, sent_ms);
        } else {
            (self.above_ms, self.above_groups) = (0.0, 0);
            self.usage = match offset < -self.threshold {
                true => Usage::Under,
                false => Usage::Normal,
            };
        }
        self.previous = offset;
        self.adapt(offset, now);
        self.usage
    }

    /// Over-use is an offset that stays above, in more than one group, and does not shrink.
    fn rise_above(&mut self, offset: f64, sent_ms: f64) {
        // It went above somewhere in the first group.
        self.above_ms += if self.above_groups == 0 {
            sent_ms / 2.0
        } else {
            sent_ms
        };
        self.above_groups += 1;
        let lasts = self.above_ms > OVERUSE_MS && self.above_groups > 1;
        if lasts && offset >= self.previous {
            (self.above_ms, self.above_groups) = (0.0, 0);
            self.usage = Usage::Over;
        }
    }

    fn adapt(&mut self, offset: f64, now: Time) {
        let since = self.updated_at.map_or(Duration::ZERO, |at| now - at);
        self.updated_at = Some(now);
        let distance = offset.abs() - self.threshold;
        if distance > OUTLIER {
            return;
        }
        let speed = if distance > 0.0 { self.rise } else { self.fall };
        let step_ms = since.min(STEP_MAX).as_secs_f64() * 1_000.0;
        let moved = self.threshold + step_ms * speed * distance;
        self.threshold = moved.clamp(THRESHOLD_MIN, THRESHOLD_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Usage::{Normal, Over, Under};

    /// (offset, usage) every 20 ms.
    fn check(rows: &[(f64, Usage)]) {
        let mut detector = OveruseDetector::default();
        for (index, &(offset, usage)) in rows.iter().enumerate() {
            let now = Time::from_millis(20 * index as u64);
            assert_eq!(detector.update(offset, 20.0, now), usage, "row {index}");
        }
    }

    #[test]
    fn an_offset_must_stay_above_and_not_shrink() {
        check(&[(0.0, Normal), (30.0, Normal), (31.0, Over), (5.0, Normal)]);
        check(&[(30.0, Normal), (29.0, Normal), (28.0, Normal), (28.0, Over)]);
        check(&[(30.0, Normal), (5.0, Normal), (30.0, Normal), (30.0, Over)]);
    }

    #[test]
    fn ten_milliseconds_above_are_not_enough() {
        let mut detector = OveruseDetector::default();
        // 2 + 4 + 4 = 10
        for (index, usage) in [Normal, Normal, Normal, Over].into_iter().enumerate() {
            let now = Time::from_millis(4 * index as u64);
            assert_eq!(detector.update(50.0, 4.0, now), usage, "row {index}");
        }
    }

    #[test]
    fn a_queue_that_drains_is_underuse() {
        check(&[
            (-12.0, Normal),
            (-13.0, Under),
            (-30.0, Under),
            (0.0, Normal),
        ]);
    }

    #[test]
    fn the_threshold_follows_the_offset_within_its_bounds() {
        let threshold = |offsets: &[f64]| {
            let mut detector = OveruseDetector::default();
            for (index, &offset) in offsets.iter().enumerate() {
                detector.update(offset, 50.0, Time::from_millis(50 * index as u64));
            }
            detector.threshold
        };
        // 12.5 + 50 x 0.01 x (22.5 - 12.5), and 12.5 - 50 x 0.00018 x (12.5 - 2.5)
        assert!((threshold(&[0.0, 22.5]) - (12.5 - 0.0 + 5.0)).abs() < 0.01);
        assert!((threshold(&[12.5, 2.5]) - 12.41).abs() < 1e-9);
        assert!((threshold(&[12.5, 27.6]) - 12.5).abs() < 1e-9, "an outlier");
        assert!((threshold(&[0.0; 10_000]) - THRESHOLD_MIN).abs() < 1e-9);
        let rising: Vec<f64> = (0..10_000).map(|n| f64::from(n) * 0.5).collect();
        assert!((threshold(&rising) - THRESHOLD_MAX).abs() < 1e-9);
    }
}
