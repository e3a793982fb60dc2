//! Who wants a key frame, and how often a producer is asked.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashMap};
use bevy_ecs::resource::Resource;
use smallvec::SmallVec;

use crate::tick::time::Time;

/// Wishes for key frames since the last Feedback, in order.
///
/// Written by Demux, Receive, Forward and between ticks; read and emptied by Feedback.
#[derive(Resource, Debug, Default)]
pub struct KeyFrameWishes {
    wishes: Vec<KeyFrameWish>,
    // Never iterated: its order is that of a hash.
    positions: EntityHashMap<usize>,
}

impl KeyFrameWishes {
    /// Adds a wish. All wishes for a stream in one tick are one, and forced if one of them is. One
    /// peer can repeat a wish for each of thousands of streams a hundred thousand times in a tick,
    /// so that must not take a search.
    pub fn add(&mut self, wish: KeyFrameWish) {
        let next = self.wishes.len();
        let position = *self.positions.entry(wish.stream).or_insert(next);
        match self.wishes.get_mut(position) {
            Some(known) => known.force |= wish.force,
            None => self.wishes.push(wish),
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.wishes.is_empty()
    }

    /// Takes every wish, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = KeyFrameWish> {
        self.positions.clear();
        self.wishes.drain(..)
    }
}

/// A wish for a key frame of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrameWish {
    /// The stream entity.
    pub stream: Entity,
    /// Ask even when a request is pending or held back.
    pub force: bool,
}

/// The requests of a video producer: one pending at most for each stream, repeated once when it is
/// not answered, and held back for the delay the application chose. Written by Feedback.
#[derive(Component, Clone, Debug, Default)]
pub struct KeyFrameRequests {
    delay: Duration,
    requests: SmallVec<[Request; 1]>,
    /// The number of the next FIR command (RFC 5104 section 4.3.1.1).
    pub fir_sequence: u8,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    ssrc: u32,
    pending: Option<Pending>,
    held_back: Option<HeldBack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    until: Time,
    retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldBack {
    until: Time,
    wanted: bool,
}

/// How long an answer is waited for.
pub const RETRY_AFTER: Duration = Duration::from_millis(1_000);

/// What to do about a wish or a deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// Send a request now.
    pub send: bool,
    /// Call [`KeyFrameRequests::retry`] at this time.
    pub retry_at: Option<Time>,
    /// Call [`KeyFrameRequests::release`] at this time.
    pub release_at: Option<Time>,
}

impl KeyFrameRequests {
    /// No request yet; `delay` is the shortest span between two that nobody forced, zero for none.
    pub fn new(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// Somebody wants a key frame.
    pub fn want(&mut self, ssrc: u32, now: Time) -> Action {
        let delay = self.delay;
        let request = self.request(ssrc);
        let mut action = Action::default();
        if !delay.is_zero() {
            if let Some(held_back) = &mut request.held_back {
                held_back.wanted = true;
                return action;
            }
            let until = now + delay;
            request.held_back = Some(HeldBack {
                until,
                wanted: false,
            });
            action.release_at = Some(until);
        }
        match &mut request.pending {
            Some(pending) => pending.retry = true,
            None => {
                action.send = true;
                action.retry_at = Some(request.await_answer(now));
            }
        }
        action
    }

    /// A key frame is needed whatever was asked before: the stream is new, or resumes.
    pub fn force(&mut self, ssrc: u32, now: Time) -> Action {
        let delay = self.delay;
        let request = self.request(ssrc);
        let mut action = Action {
            send: true,
            ..Action::default()
        };
        if !delay.is_zero() {
            let until = now + delay;
            request.held_back = Some(HeldBack {
                until,
                wanted: false,
            });
            action.release_at = Some(until);
        }
        action.retry_at = Some(request.await_answer(now));
        action
    }

    /// A key frame arrived.
    pub fn answered(&mut self, ssrc: u32) {
        if let Some(request) = self
            .requests
            .iter_mut()
            .find(|request| request.ssrc == ssrc)
        {
            request.pending = None;
        }
    }

    /// The stream is over: nobody asks for it any more.
    pub fn forget(&mut self, ssrc: u32) {
        self.requests.retain(|request| request.ssrc != ssrc);
    }

    /// A retry deadline fired.
    pub fn retry(&mut self, ssrc: u32, now: Time) -> Action {
        let request = self.request(ssrc);
        match request.pending {
            Some(Pending { until, retry: true }) if until <= now => {
                let until = now + RETRY_AFTER;
                request.pending = Some(Pending {
                    until,
                    retry: false,
                });
                Action {
                    send: true,
                    retry_at: Some(until),
                    release_at: None,
                }
            }
            Some(Pending {
                until,
                retry: false,
            }) if until <= now => {
                request.pending = None;
                Action::default()
            }
            _ => Action::default(),
        }
    }

    /// A hold-back deadline fired.
    pub fn release(&mut self, ssrc: u32, now: Time) -> Action {
        let request = self.request(ssrc);
        match request.held_back {
            Some(HeldBack { until, wanted }) if until <= now => {
                request.held_back = None;
                if wanted {
                    self.want(ssrc, now)
                } else {
                    Action::default()
                }
            }
            _ => Action::default(),
        }
    }

    fn request(&mut self, ssrc: u32) -> &mut Request {
        let known = self
            .requests
            .iter()
            .position(|request| request.ssrc == ssrc);
        let index = known.unwrap_or_else(|| {
            self.requests.push(Request {
                ssrc,
                pending: None,
                held_back: None,
            });
            self.requests.len() - 1
        });
        &mut self.requests[index]
    }
}

impl Request {
    /// The first wait ends in a second request, whether somebody asks again or not.
    fn await_answer(&mut self, now: Time) -> Time {
        let until = now + RETRY_AFTER;
        self.pending = Some(Pending { until, retry: true });
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;

    #[test]
    fn an_unanswered_request_is_repeated_once_after_a_second() {
        let mut requests = KeyFrameRequests::default();
        let action = requests.want(1, AT(0));
        assert_eq!((action.send, action.retry_at), (true, Some(AT(1_000))));
        assert_eq!(
            requests.want(1, AT(10)),
            Action::default(),
            "one is pending"
        );
        let action = requests.retry(1, AT(1_000));
        assert_eq!((action.send, action.retry_at), (true, Some(AT(2_000))));
        assert_eq!(requests.retry(1, AT(2_000)), Action::default());
        assert!(requests.want(1, AT(2_001)).send, "the record is gone");
    }

    #[test]
    fn a_wish_during_the_second_wait_asks_a_third_time() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0));
        requests.retry(1, AT(1_000));
        requests.want(1, AT(1_500));
        assert!(requests.retry(1, AT(2_000)).send);
    }

    #[test]
    fn an_answer_ends_the_wait() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0));
        requests.answered(1);
        assert_eq!(requests.retry(1, AT(1_000)), Action::default());
        assert!(requests.want(1, AT(1_001)).send);
    }

    #[test]
    fn the_delay_holds_wishes_back_and_then_releases_one() {
        let mut requests = KeyFrameRequests::new(Duration::from_millis(300));
        let action = requests.want(1, AT(0));
        assert_eq!((action.send, action.release_at), (true, Some(AT(300))));
        requests.answered(1);
        assert!(!requests.want(1, AT(100)).send);
        let action = requests.release(1, AT(300));
        assert_eq!((action.send, action.release_at), (true, Some(AT(600))));
        requests.answered(1);
        assert_eq!(
            requests.release(1, AT(600)),
            Action::default(),
            "nobody asked meanwhile"
        );
    }

    #[test]
    fn a_stale_deadline_does_nothing() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0));
        requests.force(1, AT(500));
        assert_eq!(
            requests.retry(1, AT(1_000)),
            Action::default(),
            "it was restarted at 500"
        );
        assert!(requests.retry(1, AT(1_500)).send);
    }

    #[test]
    fn streams_are_asked_independently() {
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(1, AT(0)).send);
        assert!(requests.want(2, AT(0)).send);
    }
}
