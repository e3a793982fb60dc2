//! Whether a stream has fallen silent: for its score, and apart from that for its liveness.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use serde::{Deserialize, Serialize};

use crate::tick::time::Time;

/// Waits until nothing was heard for a span.
///
/// What is heard moves no deadline: one is in the queue at most, and when it fires
/// [`check`](Self::check) tells whether it still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilenceTimer {
    span: Duration,
    wait: Wait,
    /// A deadline of it is in the queue.
    armed: bool,
    silent: bool,
}

crate::snapshot::state! { struct SilenceTimer { span, wait, armed, silent } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Stopped,
    /// From the next tick on: between ticks nobody knows the time.
    Anew,
    Since(Time),
}

crate::snapshot::state! { enum Wait { Stopped, Anew, Since(it) } }

/// What to do when the deadline of a [`SilenceTimer`] has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Nothing was heard for the whole span: it is silent from now on.
    Silent,
    /// Something was heard meanwhile: a deadline is to be set for then.
    Again(Time),
    /// It was stopped meanwhile.
    Stopped,
}

impl SilenceTimer {
    /// A timer that waits from `now` on. Its first deadline, `span` later, is to be set.
    pub fn new(span: Duration, now: Time) -> Self {
        Self {
            span,
            wait: Wait::Since(now),
            armed: true,
            silent: false,
        }
    }

    /// Nothing was heard for the span, nor since.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// Something was heard at `now`; true when that ended a silence.
    pub fn hear(&mut self, now: Time) -> bool {
        self.wait = Wait::Since(now);
        std::mem::take(&mut self.silent)
    }

    /// Stops waiting. A silence goes on.
    pub fn stop(&mut self) {
        self.wait = Wait::Stopped;
    }

    /// Is to wait anew, unless it is silent already; [`begin`](Self::begin) says from when.
    pub fn restart(&mut self) {
        if !self.silent {
            self.wait = Wait::Anew;
        }
    }

    /// Waits from `now` on, if it is to wait anew.
    pub fn begin(&mut self, now: Time) {
        if self.wait == Wait::Anew {
            self.wait = Wait::Since(now);
        }
    }

    /// The deadline that has to be set, if one has to be.
    pub fn arm(&mut self) -> Option<Time> {
        let Wait::Since(since) = self.wait else {
            return None;
        };
        let at = since + self.span;
        (!std::mem::replace(&mut self.armed, true)).then_some(at)
    }

    /// Its deadline fired at `now`.
    pub fn check(&mut self, now: Time) -> Checked {
        let Wait::Since(since) = self.wait else {
            self.armed = false;
            return Checked::Stopped;
        };
        let at = since + self.span;
        if now < at {
            return Checked::Again(at);
        }
        *self = Self {
            wait: Wait::Stopped,
            armed: false,
            silent: true,
            ..*self
        };
        Checked::Silent
    }
}

/// On each stream of a producer with several encodings: senders stop those that they have no
/// bandwidth for, and a stopped one has the score 0. Written by Score and by pausing.
#[derive(Component, Clone, Copy, Debug)]
pub struct Inactivity(pub SilenceTimer);

crate::snapshot::state! { struct Inactivity(it) }

impl Inactivity {
    /// A stream without media for this long is inactive.
    pub const SPAN: Duration = Duration::from_millis(1_500);
    /// The same when silence is not transmitted (DTX).
    pub const SPAN_WITH_DTX: Duration = Duration::from_secs(5);

    /// How long a stream may be without media, with or without DTX.
    pub fn span(dtx: bool) -> Duration {
        match dtx {
            true => Self::SPAN_WITH_DTX,
            false => Self::SPAN,
        }
    }
}

/// Streams of producers that were resumed since the last tick: they wait for media anew. Filled
/// between ticks, emptied by Score.
#[derive(Debug, Default)]
pub struct ResumedStreams(pub Vec<Entity>);

crate::snapshot::state! { struct ResumedStreams(it) }

/// On each stream of a producer with a liveness timeout: whether packets arrive at all. It says
/// nothing of quality, and goes on while the producer is paused. Written by Score.
#[derive(Component, Clone, Copy, Debug)]
pub struct Liveness(pub SilenceTimer);

crate::snapshot::state! { struct Liveness(it) }

/// The liveness timeout of producers that have none of their own; zero for none.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LivenessTimeout(pub Duration);

/// Whether packets of a stream arrive, as `liveness` events tell it.
///
/// The event is Flumen's own: the JavaScript API has none like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamLiveness {
    /// The position of the encoding in the producer's parameters.
    pub encoding_idx: u32,
    /// The SSRC of the stream.
    pub ssrc: u32,
    /// Its RTP stream identifier, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// A packet arrived within the timeout.
    pub live: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(1_500);

    const fn ms(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_deadline_is_checked_and_not_moved() {
        let mut timer = SilenceTimer::new(SPAN, ms(0));
        assert!(!timer.hear(ms(1_000)));
        assert_eq!(timer.arm(), None, "the first deadline is still to come");
        assert_eq!(timer.check(ms(1_500)), Checked::Again(ms(2_500)));
        assert_eq!(timer.check(ms(2_500)), Checked::Silent);
        assert!(timer.is_silent());
        assert_eq!(timer.arm(), None, "a silence has no deadline");
    }

    #[test]
    fn what_is_heard_ends_a_silence_once_and_needs_a_new_deadline() {
        let mut timer = SilenceTimer::new(SPAN, ms(0));
        timer.check(ms(1_500));
        assert!(timer.hear(ms(9_000)));
        assert!(!timer.hear(ms(9_001)));
        assert_eq!(timer.arm(), Some(ms(10_501)));
        assert_eq!(timer.arm(), None, "one is enough");
    }

    #[test]
    fn stopping_and_restarting_leaves_one_deadline() {
        let mut timer = SilenceTimer::new(SPAN, ms(0));
        for _ in 0..3 {
            timer.stop();
            assert_eq!(timer.arm(), None);
            timer.restart();
            timer.begin(ms(1_000));
            assert_eq!(timer.arm(), None);
        }
        timer.stop();
        assert_eq!(timer.check(ms(1_500)), Checked::Stopped);
        timer.restart();
        assert_eq!(timer.arm(), None, "from when on is not known yet");
        timer.begin(ms(4_000));
        timer.begin(ms(4_100));
        assert_eq!(timer.arm(), Some(ms(5_500)));
    }

    #[test]
    fn a_silence_outlasts_stopping_and_restarting() {
        let mut timer = SilenceTimer::new(SPAN, ms(0));
        timer.check(ms(1_500));
        timer.stop();
        timer.restart();
        timer.begin(ms(2_000));
        assert!(timer.is_silent());
        assert_eq!(timer.arm(), None);
        assert!(timer.hear(ms(3_000)));
    }
}
