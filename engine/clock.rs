//! The only place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use flumen_components::wire::ntp;
use flumen_components::{NtpEpoch, Time};
use flumen_protocol::sctp::Epoch;

/// The machine's monotonic clock, counted from the moment the engine was built,
/// or goes on from a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// What it read then.
    from: Time,
}

impl Clock {
    /// A clock that reads zero now.
    pub(crate) fn start() -> Self {
        Self::resume(Time::ZERO)
    }

    /// A clock that reads `from` now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that reads the clock"
    )]
    pub(crate) fn resume(from: Time) -> Self {
        Self {
            started: Instant::now(),
            from,
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        self.from + self.started.elapsed()
    }
}

/// A moment for libraries that reckon in instants; which one it is shows nowhere.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub(crate) fn epoch() -> Epoch {
    Epoch::new(Instant::now())
}

/// The same for a library that takes it as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
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
    NtpEpoch(ntp::from_unix_nanos(since_1970.as_nanos() as u64))
}
