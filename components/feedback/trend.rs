//! A value that rises at once and falls slowly.

use std::time::Duration;

use crate::tick::time::Time;

/// Follows a value upwards at once, and downwards by at most 5 % of its peak a second.
///
/// For what is wanted rather than measured: when a receiver stops wanting a layer for a moment,
/// what is probed for should not collapse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trend {
    value: u64,
    highest: u64,
    highest_at: Time,
}

crate::snapshot::state! { struct Trend { value, highest, highest_at } }

/// One part in so many of the peak is what the trend falls by in a second.
const FALL_PARTS: u128 = 20;

impl Trend {
    /// The trend.
    pub fn value(self) -> u64 {
        self.value
    }

    /// Takes in `value` at `now`.
    pub fn update(&mut self, value: u64, now: Time) {
        if value >= self.value {
            self.force_update(value, now);
        } else {
            self.value = value.max(self.highest - self.fall(now - self.highest_at));
        }
    }

    /// Takes in `value` at `now`, and forgets what was before.
    pub fn force_update(&mut self, value: u64, now: Time) {
        *self = Self {
            value,
            highest: value,
            highest_at: now,
        };
    }

    /// What the trend has lost `after` its peak: at most all of it.
    fn fall(self, after: Duration) -> u64 {
        let fall = u128::from(self.highest) * after.as_micros() / (FALL_PARTS * 1_000_000);
        u64::try_from(fall).map_or(self.highest, |fall| fall.min(self.highest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (milliseconds, value taken in, trend after it)
    type Row = (u64, u64, u64);

    #[track_caller]
    fn check(rows: &[Row]) {
        let mut trend = Trend::default();
        for &(ms, value, expected) in rows {
            trend.update(value, Time::from_millis(ms));
            assert_eq!(trend.value(), expected, "at {ms} ms");
        }
    }

    #[test]
    fn it_falls_by_a_twentieth_of_the_peak_a_second_and_rises_at_once() {
        check(&[
            (0, 1_000, 1_000),
            (0, 0, 1_000),
            (1_000, 0, 950),
            (2_000, 0, 900),
            // Of the peak, not of what is left.
            (10_000, 0, 500),
            (10_100, 600, 600),
            // A new peak: a fall of 30 a second.
            (11_100, 0, 570),
            (11_100, 569, 570),
            (11_100, 571, 571),
        ]);
    }

    #[test]
    fn it_stops_at_the_value_and_at_zero() {
        check(&[
            (0, 1_000, 1_000),
            (1_000, 980, 980),
            // 10 % below the peak of 1,000: it is still that peak it falls from.
            (2_000, 100, 900),
            (21_000, 0, 0),
            (99_000, 0, 0),
            (99_000, 5, 5),
        ]);
        check(&[(0, u64::MAX, u64::MAX), (u64::MAX / 1_000_000, 0, 0)]);
    }

    #[test]
    fn a_forced_value_counts_at_once() {
        let mut trend = Trend::default();
        trend.update(1_000, Time::ZERO);
        trend.force_update(400, Time::from_secs(1));
        assert_eq!(trend.value(), 400);
        trend.update(0, Time::from_secs(2));
        assert_eq!(
            trend.value(),
            380,
            "a fall of 20 a second from the new peak"
        );
    }
}
