//! Which numbers of a stream are missing, and when to ask for them again (RFC 4585 section 6.2.1).

use std::time::Duration;

use flumen::Time;

/// The missing numbers of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Gaps {
    missing: Vec<Gap>,
    /// How long an answer takes, as far as known.
    round_trip: Duration,
    /// When the next number is to be asked for.
    pub(crate) due: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    number: u64,
    noticed: Time,
    ask: Time,
    /// How often it was asked for, and when last.
    asked: u8,
    asked_at: Time,
}

/// What is noticed missing may only be late.
const PATIENCE: Duration = Duration::from_millis(10);
/// Nobody asks more often than that for one number.
const ASKED_MAX: u8 = 10;
/// What is missing that long is of no use any more.
const USEFUL: Duration = Duration::from_secs(2);
/// Who misses more than that needs a key frame.
const MISSING_MAX: usize = 1_000;

impl Default for Gaps {
    fn default() -> Self {
        Self {
            missing: Vec::new(),
            round_trip: Duration::from_millis(100),
            due: None,
        }
    }
}

impl Gaps {
    /// What is between the newest number and a newer one is missing. False when that is too much.
    pub(crate) fn notice(&mut self, newest: u64, number: u64, now: Time) -> bool {
        if number - newest > MISSING_MAX as u64 {
            self.missing.clear();
            return false;
        }
        let gap = |number| Gap {
            number,
            noticed: now,
            ask: now + PATIENCE,
            asked: 0,
            asked_at: now,
        };
        self.missing.extend((newest + 1..number).map(gap));
        let too_many = self.missing.len() > MISSING_MAX;
        if too_many {
            self.missing.clear();
        }
        self.schedule();
        !too_many
    }

    /// A number has come: how long it was missing, when it was.
    pub(crate) fn fill(&mut self, number: u64, now: Time) -> Option<Duration> {
        let index = self.missing.iter().position(|gap| gap.number == number)?;
        let gap = self.missing.remove(index);
        if gap.asked == 1 {
            let answer = now - gap.asked_at;
            self.round_trip = (self.round_trip * 7 + answer) / 8;
        }
        Some(now - gap.noticed)
    }

    /// How long an answer is waited for.
    fn wait(&self) -> Duration {
        self.round_trip * 3 / 2 + PATIENCE
    }

    /// The numbers to be asked for now; how many were given up is counted in `given_up`.
    pub(crate) fn ask(&mut self, now: Time, given_up: &mut u64) -> Vec<u16> {
        let mut numbers = Vec::new();
        if self.due.is_none_or(|due| due > now) {
            return numbers;
        }
        let wait = self.wait();
        let before = self.missing.len();
        self.missing.retain_mut(|gap| {
            if gap.ask > now {
                return true;
            }
            if gap.asked >= ASKED_MAX || now - gap.noticed > USEFUL {
                return false;
            }
            numbers.push(gap.number as u16);
            (gap.ask, gap.asked, gap.asked_at) = (now + wait, gap.asked + 1, now);
            true
        });
        *given_up += (before - self.missing.len()) as u64;
        self.schedule();
        numbers
    }

    fn schedule(&mut self) {
        self.due = self.missing.iter().map(|gap| gap.ask).min();
    }
}
