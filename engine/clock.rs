//! The only place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use flumen_components::{NtpEpoch, Time};

/// The machine's monotonic clock, counted from the moment the engine was built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that reads the clock"
    )]
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }
}

/// NTP time now (RFC 5905, Q32.32): where the epoch of an engine built now lies.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub(crate) fn ntp_now() -> NtpEpoch {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let secs = since_1970.as_secs().wrapping_add(SECONDS_FROM_1900_TO_1970);
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    NtpEpoch(secs << 32 | fraction)
}

const SECONDS_FROM_1900_TO_1970: u64 = 2_208_988_800;
