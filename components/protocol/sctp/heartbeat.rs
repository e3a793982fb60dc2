//! Whether the peer is still there, RFC 9260 sections 8.1 and 8.3.

use std::time::Duration;

use crate::Time;

/// How long nothing may be heard before a HEARTBEAT asks: HB.interval of RFC 9260 section 16.
const INTERVAL: Duration = Duration::from_secs(30);
/// Association.Max.Retrans of the same section.
const MAX_ERRORS: u32 = 10;

/// Asks when nothing is heard, and counts what went unanswered.
#[derive(Debug)]
pub(super) struct Heartbeat {
    due: Time,
    heard: Time,
    is_asking: bool,
    errors: u32,
    /// Retransmission timeouts of the library that have been counted.
    timeouts: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing.
    Rest,
    /// Send a HEARTBEAT.
    Ask,
    /// Give up.
    Unreachable,
}

impl Heartbeat {
    /// Begins to listen.
    pub(super) fn new(now: Time) -> Self {
        Self {
            due: now + INTERVAL,
            heard: now,
            is_asking: false,
            errors: 0,
            timeouts: 0,
        }
    }

    /// The peer acknowledged something: it is there.
    pub(super) fn heard(&mut self, now: Time) {
        self.heard = now;
        self.is_asking = false;
        self.errors = 0;
    }

    /// Another library counts its retransmissions from none.
    pub(super) fn begin_anew(&mut self) {
        self.timeouts = 0;
    }

    /// When to look again.
    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// Looks at the time, and at how often the library has retransmitted.
    pub(super) fn beat(&mut self, now: Time, timeouts: u64) -> Beat {
        self.errors += timeouts.saturating_sub(self.timeouts) as u32;
        self.timeouts = timeouts;
        let mut beat = Beat::Rest;
        if now >= self.due {
            // The deadline does not move with every packet: it is checked again when it fires.
            let silent_until = self.heard + INTERVAL;
            if silent_until > now {
                self.due = silent_until;
            } else {
                self.errors += u32::from(self.is_asking);
                self.is_asking = true;
                self.due = now + INTERVAL;
                beat = Beat::Ask;
            }
        }
        if self.errors > MAX_ERRORS {
            return Beat::Unreachable;
        }
        beat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_is_heard_is_not_asked() {
        let mut heartbeat = Heartbeat::new(Time::ZERO);
        heartbeat.heard(Time::from_secs(20));
        assert_eq!(heartbeat.beat(Time::from_secs(30), 0), Beat::Rest);
        assert_eq!(heartbeat.due(), Time::from_secs(50));
        assert_eq!(heartbeat.beat(Time::from_secs(50), 0), Beat::Ask);
    }

    #[test]
    fn ten_unanswered_questions_are_borne_and_not_eleven() {
        let mut heartbeat = Heartbeat::new(Time::ZERO);
        for asked in 1..=11 {
            let now = Time::from_secs(30 * asked);
            assert_eq!(heartbeat.beat(now, 0), Beat::Ask, "question {asked}");
        }
        assert_eq!(heartbeat.beat(Time::from_secs(360), 0), Beat::Unreachable);
    }

    #[test]
    fn retransmissions_count_until_something_is_heard() {
        let mut heartbeat = Heartbeat::new(Time::ZERO);
        assert_eq!(heartbeat.beat(Time::from_secs(1), 10), Beat::Rest);
        heartbeat.heard(Time::from_secs(2));
        assert_eq!(heartbeat.beat(Time::from_secs(3), 20), Beat::Rest);
        assert_eq!(heartbeat.beat(Time::from_secs(4), 21), Beat::Unreachable);
    }
}
