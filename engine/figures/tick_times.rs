//! How long ticks took, as a histogram.

use std::time::Duration;

/// How many ticks took how long: buckets whose bounds double, from 1 µs to about a second.
///
/// Cumulative like those of Prometheus, and never reset: who wants those of a minute subtracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickTimes {
    /// Ticks that took at most 2^n µs and more than half of that; in the last one all longer ones.
    counts: [u64; BOUNDS + 1],
}

/// How many bounds there are: the last one is 2^20 µs.
const BOUNDS: usize = 21;

impl TickTimes {
    /// The ticks that took at most each span, for spans that double.
    pub fn at_most(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut sum = 0;
        self.counts[..BOUNDS]
            .iter()
            .enumerate()
            .map(move |(power, count)| {
                sum += count;
                (Duration::from_micros(1 << power), sum)
            })
    }

    /// All ticks.
    pub fn ticks(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The shortest of the spans of [`at_most`](Self::at_most) which this many of a thousand ticks
    /// did not exceed; none when some of them took longer than all of these, or nothing ticked.
    pub fn permille(&self, ticks: u16) -> Option<Duration> {
        let wanted = (u128::from(self.ticks()) * u128::from(ticks)).div_ceil(1_000);
        let mut spans = self.at_most().filter(|&(_, count)| count > 0);
        spans
            .find(|&(_, count)| u128::from(count) >= wanted)
            .map(|(span, _)| span)
    }

    pub(crate) fn add(&mut self, span: Duration) {
        // The smallest power of two that is not below the span.
        let micros = span.as_nanos().div_ceil(1_000).max(1);
        let power = (micros - 1)
            .checked_ilog2()
            .map_or(0, |log| log as usize + 1);
        self.counts[power.min(BOUNDS)] += 1;
    }
}

impl Default for TickTimes {
    fn default() -> Self {
        Self {
            counts: [0; BOUNDS + 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let rows = [
            (0, 0),
            (1_000, 0),
            (1_001, 1),
            (2_000, 1),
            (2_001, 2),
            (1_000_000, 10),
            (1_048_576_000, 20),
            (1_048_576_001, 21),
            (u64::MAX, 21),
        ];
        for (nanoseconds, bucket) in rows {
            let mut times = TickTimes::default();
            times.add(Duration::from_nanos(nanoseconds));
            let found = times.counts.iter().position(|&count| count > 0);
            assert_eq!(found, Some(bucket), "{nanoseconds} ns");
        }
    }

    #[test]
    fn shares_of_ticks_have_their_spans() {
        let mut times = TickTimes::default();
        assert_eq!(times.permille(500), None);
        for _ in 0..99 {
            times.add(Duration::from_micros(3));
        }
        times.add(Duration::from_secs(2));
        assert_eq!(times.ticks(), 100);
        assert_eq!(times.permille(500), Some(Duration::from_micros(4)));
        assert_eq!(times.permille(990), Some(Duration::from_micros(4)));
        assert_eq!(times.permille(1_000), None);
    }
}
