//! A peer's own clock, which does not run as fast as that of the engine.

use flumen::Time;

/// How fast a peer's clock runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// So many parts in a million too fast; negative when it is slow.
    pub(crate) drift_ppm: i32,
}

const MILLION: i128 = 1_000_000;

impl Clock {
    /// What it shows at `now`.
    pub(crate) fn local(self, now: Time) -> Time {
        let nanos = i128::from(now.as_nanos());
        Time::from_nanos((nanos + nanos * i128::from(self.drift_ppm) / MILLION) as u64)
    }

    /// The first moment at which it shows `local` or more.
    pub(crate) fn global(self, local: Time) -> Time {
        let speed = MILLION + i128::from(self.drift_ppm);
        let nanos = i128::from(local.as_nanos()) * MILLION;
        let mut at = Time::from_nanos((nanos / speed) as u64);
        while self.local(at) < local {
            at = Time::from_nanos(at.as_nanos() + 1);
        }
        at
    }

    /// What it shows at `now`, in ticks of an RTP clock of `rate` a second.
    pub(crate) fn rtp(self, now: Time, rate: u32) -> u32 {
        let ticks = u128::from(self.local(now).as_nanos()) * u128::from(rate) / 1_000_000_000;
        ticks as u32
    }

    /// What it shows at `now` as NTP time, Q32.32 (RFC 5905).
    pub(crate) fn ntp(self, now: Time) -> u64 {
        let local = u128::from(self.local(now).as_nanos());
        (5_000 << 32) + ((local << 32) / 1_000_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_again() {
        for drift_ppm in [-500, -1, 0, 1, 500] {
            let clock = Clock { drift_ppm };
            for nanos in [0, 1, 999_999_999, 3_600_000_000_000, 86_400_000_000_007] {
                let local = Time::from_nanos(nanos);
                let at = clock.global(local);
                assert!(clock.local(at) >= local);
                assert!(nanos == 0 || clock.local(Time::from_nanos(at.as_nanos() - 1)) < local);
            }
        }
    }

    #[test]
    fn a_fast_clock_is_ahead_by_its_drift() {
        let clock = Clock { drift_ppm: 100 };
        let hour = Time::from_secs(3_600);
        assert_eq!(
            clock.local(hour) - hour,
            std::time::Duration::from_millis(360)
        );
        assert_eq!(clock.rtp(Time::from_secs(10), 90_000), 900_090);
    }
}
