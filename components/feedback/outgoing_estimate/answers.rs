//! Whether a receiver answers.

use std::time::Duration;

use crate::tick::time::Time;

/// When a receiver told of packets, and since when it does not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answers {
    /// When it told of packets last.
    heard_at: Option<Time>,
    /// When a packet left last.
    sent_at: Option<Time>,
    /// Since when packets are sent of which nothing is told.
    missed_since: Option<Time>,
    /// When what is believed of the path was last lowered for that.
    lowered_at: Option<Time>,
}

crate::snapshot::state! { struct Answers { heard_at, sent_at, missed_since, lowered_at } }

/// Of a queue that nothing was told of for so long nothing is known: where nothing is sent, it
/// drains.
const QUEUE_MEMORY: Duration = Duration::from_millis(1_000);
/// A receiver that does not answer for so long may not hear anything.
const ANSWER_MAX: Duration = Duration::from_millis(1_000);
/// A receiver that is silent so long, although packets are sent, may be cut off.
const SILENCE: Duration = Duration::from_secs(3);
/// Who was sent nothing for so long has nothing to answer.
const IDLE: Duration = Duration::from_secs(2);
/// A second of silence is over.
const SILENCE_INTERVAL: Duration = Duration::from_secs(1);

impl Answers {
    /// A packet leaves.
    pub(super) fn send(&mut self, now: Time) {
        if self.is_idle(now) {
            self.missed_since = None;
        }
        self.missed_since.get_or_insert(now);
        self.sent_at = Some(now);
    }

    fn is_idle(&self, now: Time) -> bool {
        self.sent_at.is_none_or(|at| now - at > IDLE)
    }

    /// The receiver tells of packets.
    pub(super) fn hear(&mut self, now: Time) {
        *self = Self {
            heard_at: Some(now),
            ..Self::default()
        };
    }

    /// What was told of the queue is still to be believed.
    pub(super) fn are_fresh(&self, now: Time) -> bool {
        self.heard_at.is_some_and(|at| now - at < QUEUE_MEMORY)
    }

    /// It answers what is sent.
    pub(super) fn come(&self, now: Time) -> bool {
        let since = self.missed_since;
        self.is_idle(now) || since.is_none_or(|since| now - since < ANSWER_MAX)
    }

    /// It has been silent for long, and for another second since this was last so.
    pub(super) fn are_missed(&mut self, now: Time) -> bool {
        let is_heard = self.heard_at.is_some() && !self.is_idle(now);
        let is_long = |since: &Time| is_heard && now - *since >= SILENCE;
        let Some(since) = self.missed_since.filter(is_long) else {
            return false;
        };
        let first = since + (SILENCE - SILENCE_INTERVAL);
        let is_due = now - self.lowered_at.unwrap_or(first) >= SILENCE_INTERVAL;
        if is_due {
            self.lowered_at = Some(now);
        }
        is_due
    }
}
