//! How far the wall clock of a sender is from the engine's.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::wire::ntp;

/// The wall clock of whoever sends to a transport. Written by Receive, read by Forward and
/// Feedback.
///
/// Streams are synchronous when they share a canonical name (RFC 3550 section 6.5.1), and all
/// producers of a transport share one: so a transport has one clock.
#[derive(Component, Clone, Debug, Default)]
pub struct RemoteClock {
    samples: [i64; WINDOW],
    len: usize,
    next: usize,
    offset: Option<i64>,
    reports_only: bool,
}

crate::snapshot::state! { struct RemoteClock { samples, len, next, offset, reports_only } }

/// Samples that the offset is the median of.
const WINDOW: usize = 7;
/// Fewer samples tell nothing: one packet that was held up would decide alone.
const SAMPLES_MIN: usize = 3;

impl RemoteClock {
    /// Takes in that a sender report of NTP time `sent` arrived at `arrived`, both Q32.32, over a
    /// path with this round-trip time.
    pub fn sample(&mut self, sent: u64, arrived: u64, round_trip: Duration) {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        let on_its_way = ntp::from_nanos(nanos / 2);
        let offset = arrived.wrapping_sub(sent).wrapping_sub(on_its_way);
        self.samples[self.next] = offset.cast_signed();
        self.next = (self.next + 1) % WINDOW;
        self.len = WINDOW.min(self.len + 1);
        self.offset = (self.len >= SAMPLES_MIN).then(|| self.median());
    }

    /// What has to be added to the sender's NTP time to get the engine's: Q32.32 seconds. `None`
    /// while it is not known.
    pub fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// Capture times are taken from sender reports from now on, whatever packets carry: a source
    /// that not all streams have would pull them apart.
    pub fn use_reports(&mut self) {
        self.reports_only = true;
    }

    /// Capture times are taken from sender reports.
    pub fn uses_reports(&self) -> bool {
        self.reports_only
    }

    /// The upper one, when there are two in the middle.
    fn median(&self) -> i64 {
        let mut sorted = self.samples;
        let sorted = &mut sorted[..self.len];
        sorted.sort_unstable();
        sorted[self.len / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of NTP time.
    const SECOND: u64 = 1 << 32;

    #[test]
    fn the_offset_is_the_upper_median_of_the_last_seven() {
        let mut clock = RemoteClock::default();
        // (seconds between sending and arrival, offset in seconds)
        let rows = [
            (10, None),
            (30, None),
            (20, Some(20)),
            (40, Some(30)),
            (5, Some(20)),
            (6, Some(20)),
            (7, Some(10)),
            // The 10 goes: 5 6 7 20 30 40 50; then the 30: 5 6 7 20 40 50 60.
            (50, Some(20)),
            (60, Some(20)),
            // The 20 goes: 5 6 7 40 50 60 70.
            (70, Some(40)),
        ];
        for (index, (seconds, offset)) in rows.into_iter().enumerate() {
            clock.sample(100 * SECOND, (100 + seconds) * SECOND, Duration::ZERO);
            let expected = offset.map(|offset: i64| offset << 32);
            assert_eq!(clock.offset(), expected, "row {index}");
        }
    }

    #[test]
    fn half_a_round_trip_is_the_way_here() {
        let mut clock = RemoteClock::default();
        for _ in 0..3 {
            clock.sample(SECOND, 3 * SECOND, Duration::from_secs(1));
        }
        assert_eq!(clock.offset(), Some(3 << 31));
    }

    #[test]
    fn a_clock_that_is_ahead_and_absurd_ones_are_taken() {
        let mut clock = RemoteClock::default();
        for _ in 0..3 {
            clock.sample(9 * SECOND, 4 * SECOND, Duration::ZERO);
        }
        assert_eq!(clock.offset(), Some(-5 << 32));
        clock.sample(u64::MAX, 0, Duration::MAX);
        clock.sample(0, u64::MAX, Duration::MAX);
    }
}
