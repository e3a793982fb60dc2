//! How long the newest packets were on their way.

use std::time::Duration;

use crate::tick::time::Time;

/// When the newest packets arrived, and their delays in milliseconds: a ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewestDelays {
    packets: [(Time, f64); MOST],
    count: u32,
}

crate::snapshot::state! { struct NewestDelays { packets, count } }

/// As many as a path of 4 Mbit/s brings within [`SPAN`].
const MOST: usize = 32;
/// So many at least are compared, and more where packets overtake each other: of many, one is fast.
const FEWEST: usize = 5;
const FEWEST_OVERTAKEN: usize = 15;
/// Those that came within so long are: older ones tell of a queue that has grown since.
const SPAN: Duration = Duration::from_millis(60);
/// Packets that are late by so many milliseconds are overtaken.
const LATE_MS: f64 = 10.0;

impl Default for NewestDelays {
    fn default() -> Self {
        Self {
            packets: [(Time::ZERO, 0.0); MOST],
            count: 0,
        }
    }
}

impl NewestDelays {
    pub(super) fn add(&mut self, delay: f64, arrived: Time) {
        self.packets[self.count as usize % MOST] = (arrived, delay);
        self.count = self.count.wrapping_add(1);
    }

    /// The least delay of the newest, where packets that are overtaken are `late` by so many
    /// milliseconds.
    pub(super) fn least(&self, late: f64) -> Option<f64> {
        let (fewest, span) = match late > LATE_MS {
            true => {
                let both_ways = Duration::from_micros((2_000.0 * late) as u64);
                (FEWEST_OVERTAKEN, both_ways.max(SPAN))
            }
            false => (FEWEST, SPAN),
        };
        let newest = self.back(1)?.0;
        let since = |at: Time| at + span >= newest;
        let packets = (1..=MOST).map_while(|back| self.back(back)).enumerate();
        let compared = packets.take_while(|&(index, (at, _))| index < fewest || since(at));
        compared.map(|(_, (_, delay))| delay).reduce(f64::min)
    }

    /// The packet so many back, if there were as many.
    fn back(&self, back: usize) -> Option<(Time, f64)> {
        let index = (self.count as usize).checked_sub(back)?;
        Some(self.packets[index % MOST])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least of packets (ms, delay), late by so many milliseconds.
    fn least(packets: &[(u64, f64)], late: f64) -> Option<f64> {
        let mut newest = NewestDelays::default();
        for &(ms, delay) in packets {
            newest.add(delay, Time::from_millis(ms));
        }
        newest.least(late)
    }

    #[test]
    fn few_packets_are_compared_however_old() {
        assert_eq!(least(&[], 0.0), None);
        assert_eq!(least(&[(0, 9.0)], 0.0), Some(9.0));
        let slow: Vec<_> = (0..9).map(|n| (100 * n, n as f64)).collect();
        assert_eq!(least(&slow, 0.0), Some(4.0));
    }

    #[test]
    fn of_many_those_of_a_short_span_are() {
        let fast: Vec<_> = (0..40).map(|n| (5 * n, n as f64)).collect();
        // From 195 - 60 ms on.
        assert_eq!(least(&fast, 0.0), Some(27.0));
        // Where packets are late by 50 ms, from 95 ms on.
        assert_eq!(least(&fast, 50.0), Some(19.0));
        // No more than are remembered.
        assert_eq!(least(&fast, 500.0), Some(8.0));
        let slow: Vec<_> = (0..20).map(|n| (100 * n, n as f64)).collect();
        assert_eq!(least(&slow, 50.0), Some(5.0));
    }
}
