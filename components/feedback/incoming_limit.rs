//! How fast a sender may send.

use std::time::Duration;

use bevy_ecs::component::Component;

use crate::tick::time::Time;

/// The limit that the application sets for what enters through a transport. Written by the
/// application and by Feedback.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncomingLimit {
    bitrate: Option<u64>,
    unlimited_left: u8,
    told_at: Option<Time>,
}

crate::snapshot::state! { struct IncomingLimit { bitrate, unlimited_left, told_at } }

impl IncomingLimit {
    /// What senders are told when there is no limit any more, in bits a second: what still fits
    /// receivers that count in 32 bits.
    pub const UNLIMITED: u64 = u32::MAX as u64;
    /// Shortest span between two tellings.
    const INTERVAL: Duration = Duration::from_millis(1_500);
    /// How often it is told that there is no limit any more, as RTCP may be lost.
    const UNLIMITED_TELLINGS: u8 = 4;

    /// Limits what may enter to `bitrate` bits a second; 0 lifts the limit.
    pub fn set(&mut self, bitrate: u64) {
        let was_limited = self.bitrate.is_some();
        self.bitrate = (bitrate > 0).then_some(bitrate.min(Self::UNLIMITED));
        if self.bitrate.is_some() {
            self.unlimited_left = 0;
        } else if was_limited {
            // The first one leaves at once.
            (self.unlimited_left, self.told_at) = (Self::UNLIMITED_TELLINGS, None);
        }
    }

    /// The limit, in bits a second.
    pub fn bitrate(&self) -> Option<u64> {
        self.bitrate
    }

    /// What the sender is to be told at `now`, if anything.
    pub fn tell(&mut self, now: Time) -> Option<u64> {
        if self.told_at.is_some_and(|at| now - at < Self::INTERVAL) {
            return None;
        }
        let told = match self.bitrate {
            Some(bitrate) => bitrate,
            None => {
                self.unlimited_left = self.unlimited_left.checked_sub(1)?;
                Self::UNLIMITED
            }
        };
        self.told_at = Some(now);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told when asked every 100 ms, with the times.
    fn told(limit: &mut IncomingLimit, from: u64, to: u64) -> Vec<(u64, u64)> {
        let times = (from..to).step_by(100);
        times
            .filter_map(|ms| Some((ms, limit.tell(Time::from_millis(ms))?)))
            .collect()
    }

    #[test]
    fn a_limit_is_told_every_one_and_a_half_seconds() {
        let mut limit = IncomingLimit::default();
        assert_eq!(told(&mut limit, 0, 1_000), []);
        limit.set(500);
        let expected = [(1_000, 500), (2_500, 500)];
        assert_eq!(told(&mut limit, 1_000, 3_000), expected);
        limit.set(600);
        assert_eq!(told(&mut limit, 3_000, 5_000), [(4_000, 600)]);
    }

    #[test]
    fn a_limit_that_is_lifted_is_told_four_times() {
        let mut limit = IncomingLimit::default();
        limit.set(0);
        assert_eq!(told(&mut limit, 0, 1_000), [], "there was none");
        limit.set(500);
        told(&mut limit, 1_000, 1_100);
        limit.set(0);
        let unlimited = IncomingLimit::UNLIMITED;
        let expected = [1_100, 2_600, 4_100, 5_600].map(|ms| (ms, unlimited));
        assert_eq!(told(&mut limit, 1_100, 20_000), expected);
        assert_eq!(limit.bitrate(), None);
        limit.set(u64::MAX);
        assert_eq!(limit.bitrate(), Some(unlimited));
    }
}
