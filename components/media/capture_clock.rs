//! When the media of a stream was captured.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::media::remote_clock::RemoteClock;
use crate::wire::extension::AbsCaptureTime;

/// What is known of when the media of a received stream was captured. Written by Receive, read by
/// Feedback.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureClock {
    told: Option<Mapping>,
    reported: Option<Mapping>,
}

crate::snapshot::state! { struct CaptureClock { told, reported } }

/// An RTP timestamp, and the NTP time (Q32.32) of the sender's clock that it corresponds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    ntp: u64,
    timestamp: u32,
}

crate::snapshot::state! { struct Mapping { ntp, timestamp } }

/// A capture time is good for media this far from it, in milliseconds of RTP time.
const TOLD_REACH_MS: u64 = 5_000;
/// A sender report is good for media this far from it.
const REPORTED_REACH_MS: u64 = 10_000;
/// Media that would be older when it is sent on: then a clock is wrong.
const AGE_MAX: Duration = Duration::from_secs(10);

impl CaptureClock {
    /// A packet of RTP timestamp `timestamp` carries its capture time. The capturer's clock may not
    /// be the sender's; the offset tells. Zero is no time. True when it is the first one.
    pub fn tell(&mut self, time: AbsCaptureTime, timestamp: u32) -> bool {
        if time.timestamp == 0 {
            return false;
        }
        let offset = time.offset.unwrap_or(0).cast_unsigned();
        let ntp = time.timestamp.wrapping_sub(offset);
        let before = self.told.replace(Mapping { ntp, timestamp });
        before.is_none()
    }

    /// A sender report maps `timestamp` to `ntp`; true when it is the first to do so. Zero means
    /// that the sender has no clock.
    pub fn report(&mut self, ntp: u64, timestamp: u32) -> bool {
        if ntp == 0 {
            return false;
        }
        let before = self.reported.replace(Mapping { ntp, timestamp });
        before.is_none()
    }

    /// Packets carry their capture time.
    pub fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// What is added to timestamps of this stream to get those of `other`, a stream of the same
    /// sender and clock rate, for media that was captured at the same time. `None` when that is not
    /// known of both in the same way.
    pub fn alignment(&self, other: &Self, clock_rate: u32, remote: &RemoteClock) -> Option<u32> {
        let of = |clock: &Self| match remote.uses_reports() {
            true => clock.reported,
            false => clock.told,
        };
        let (this, other) = (of(self)?, of(other)?);
        let span = i128::from(other.ntp.wrapping_sub(this.ntp).cast_signed());
        let units = (span * i128::from(clock_rate) + (1 << 31)) >> 32;
        let at_the_same_time = this.timestamp.wrapping_add(units as u32);
        Some(other.timestamp.wrapping_sub(at_the_same_time))
    }

    /// How long before `now` (NTP time of the engine) media of RTP timestamp `timestamp` was
    /// captured. `None` when no capture time or report is near, the sender's clock is not known,
    /// or one of the clocks must be wrong.
    pub fn age(
        &self,
        timestamp: u32,
        clock_rate: u32,
        remote: &RemoteClock,
        now: u64,
    ) -> Option<Duration> {
        let (mapping, reach_ms) = match remote.uses_reports() {
            true => (self.reported?, REPORTED_REACH_MS),
            false => (self.told?, TOLD_REACH_MS),
        };
        let sent = mapping.at(timestamp, clock_rate, reach_ms)?;
        let captured = sent.wrapping_add_signed(remote.offset()?);
        // The offset is an estimate: what seems to come from the future was captured just now.
        let age = now.wrapping_sub(captured).cast_signed().max(0);
        let age = Duration::from_nanos(((i128::from(age) * 1_000_000_000) >> 32) as u64);
        (age <= AGE_MAX).then_some(age)
    }
}

impl Mapping {
    fn at(self, timestamp: u32, clock_rate: u32, reach_ms: u64) -> Option<u64> {
        let distance = timestamp.wrapping_sub(self.timestamp).cast_signed();
        let rate = u64::from(clock_rate);
        if rate == 0 || u64::from(distance.unsigned_abs()) * 1_000 > reach_ms * rate {
            return None;
        }
        let span = (i128::from(distance) << 32) / i128::from(rate);
        Some(self.ntp.wrapping_add_signed(span as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;
    const CLOCK_RATE: u32 = 1_000;

    /// A sender whose clock is 100 seconds behind.
    fn remote(reports: bool) -> RemoteClock {
        let mut remote = RemoteClock::default();
        for _ in 0..3 {
            remote.sample(SECOND, 101 * SECOND, Duration::ZERO);
        }
        if reports {
            remote.use_reports();
        }
        remote
    }

    fn told(offset: Option<i64>) -> CaptureClock {
        let mut clock = CaptureClock::default();
        let timestamp = 50 * SECOND;
        clock.tell(AbsCaptureTime { timestamp, offset }, 7_000);
        clock
    }

    #[test]
    fn media_is_interpolated_as_far_as_its_source_reaches() {
        let mut reported = CaptureClock::default();
        reported.report(50 * SECOND, 7_000);
        // (clock, RTP timestamp, age at 155 seconds in milliseconds)
        let rows = [
            (told(None), 7_000, Some(5_000)),
            (told(None), 8_500, Some(3_500)),
            (told(None), 2_000, Some(10_000)),
            (told(None), 12_000, Some(0)),
            (told(None), 1_999, None),
            (told(None), 12_001, None),
            (reported, 7_000, Some(5_000)),
            (reported, 12_001, Some(0)),
            (reported, 17_000, Some(0)),
            (reported, 17_001, None),
            // Ten seconds and one millisecond ago.
            (reported, 1_999, None),
        ];
        for (clock, timestamp, expected) in rows {
            let remote = remote(!clock.is_told());
            let age = clock.age(timestamp, CLOCK_RATE, &remote, 155 * SECOND);
            let expected = expected.map(Duration::from_millis);
            assert_eq!(age, expected, "timestamp {timestamp}");
        }
    }

    #[test]
    fn the_capturers_clock_is_brought_to_the_senders() {
        // The capturer is two seconds ahead of the sender.
        let clock = told(Some(2 << 32));
        let age = clock.age(7_000, CLOCK_RATE, &remote(false), 155 * SECOND);
        assert_eq!(age, Some(Duration::from_secs(7)));
    }

    #[test]
    fn one_source_is_used_and_not_the_other() {
        let mut clock = told(None);
        let age = |clock: CaptureClock, reports| {
            clock.age(7_000, CLOCK_RATE, &remote(reports), 155 * SECOND)
        };
        assert_eq!(age(clock, true), None, "nothing was reported");
        clock.report(48 * SECOND, 7_000);
        assert_eq!(age(clock, true), Some(Duration::from_secs(7)));
        assert_eq!(age(clock, false), Some(Duration::from_secs(5)));
        let unknown = clock.age(7_000, CLOCK_RATE, &RemoteClock::default(), 155 * SECOND);
        assert_eq!(unknown, None, "the sender's clock is not known");
    }

    #[test]
    fn streams_are_aligned_by_when_their_media_was_captured() {
        // A quarter of a second later, and another clock: 7,250 there are 7,000 + 250 here.
        let (mut clock, mut other) = (CaptureClock::default(), CaptureClock::default());
        clock.report(50 * SECOND, 7_000);
        assert_eq!(clock.alignment(&other, CLOCK_RATE, &remote(true)), None);
        other.report(50 * SECOND + SECOND / 4, 4_000_000_000);
        let to_other = clock.alignment(&other, CLOCK_RATE, &remote(true)).unwrap();
        assert_eq!(7_250_u32.wrapping_add(to_other), 4_000_000_000);
        let back = other.alignment(&clock, CLOCK_RATE, &remote(true)).unwrap();
        assert_eq!(4_000_000_000_u32.wrapping_add(back), 7_250);
        assert_eq!(clock.alignment(&other, CLOCK_RATE, &remote(false)), None);
        other.report(1, u32::MAX);
        clock.alignment(&other, u32::MAX, &remote(true));
    }

    #[test]
    fn absurd_values_are_no_time() {
        let mut clock = told(Some(i64::MIN));
        clock.report(u64::MAX, u32::MAX);
        for reports in [false, true] {
            clock.age(0, u32::MAX, &remote(reports), 0);
            assert_eq!(clock.age(7_000, 0, &remote(reports), 0), None);
        }
        let mut silent = CaptureClock::default();
        silent.report(0, 1);
        assert_eq!(silent, CaptureClock::default());
    }
}
