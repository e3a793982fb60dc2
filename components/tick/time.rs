//! The time of a tick.

use bevy_ecs::resource::Resource;
pub use flumen_protocol::Time;

use crate::wire::ntp;

/// The time of this tick, and its number. Written by the engine before the first stage, read by
/// every system.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Now {
    /// The time of this tick; it never runs backwards.
    pub time: Time,
    /// The number of this tick, from 1, to tell what belongs to it from what is older: ticks may
    /// share a time.
    pub tick: u64,
    /// How often the application passed an earlier time than before (and was given the old one).
    pub backward_jumps: u64,
}

crate::snapshot::state! { struct Now { time, tick, backward_jumps } }

/// Where the engine's epoch lies on the wall clock, in NTP time (seconds since 1900, Q32.32).
///
/// An input of the engine, read once at start: NTP time of a tick is this plus [`Now`].
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct NtpEpoch(pub u64);

impl NtpEpoch {
    /// NTP time (RFC 5905, Q32.32) at `time`.
    pub fn at(self, time: Time) -> u64 {
        self.0.wrapping_add(ntp::from_nanos(time.as_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_time_is_the_epoch_plus_now() {
        let epoch = NtpEpoch(10 << 32);
        assert_eq!(epoch.at(Time::from_millis(2_500)), (12 << 32) | (1 << 31));
    }
}
