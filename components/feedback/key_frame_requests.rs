//! How often a producer is asked for a key frame.

use std::time::Duration;

use bevy_ecs::component::Component;
use smallvec::SmallVec;

use crate::feedback::key_frame_retry::KeyFrameRetry;
use crate::tick::time::Time;

/// The requests of a video producer: one pending at most for each stream, repeated once when it is
/// not answered, then at growing intervals as long as somebody waits, and held back for the delay
/// the application chose. Written by Feedback.
#[derive(Component, Clone, Debug, Default)]
pub struct KeyFrameRequests {
    delay: Duration,
    requests: SmallVec<[Request; 1]>,
    /// The number of the next FIR command (RFC 5104 section 4.3.1.1).
    pub fir_sequence: u8,
}

crate::snapshot::state! { struct KeyFrameRequests { delay, requests, fir_sequence } }

#[derive(Clone, Copy, Debug)]
struct Request {
    ssrc: u32,
    pending: Option<Pending>,
    next: Option<Next>,
    held_back: Option<HeldBack>,
    /// When it was made last, if nothing came since.
    asked: Option<Time>,
}

crate::snapshot::state! { struct Request { ssrc, pending, next, held_back, asked } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    until: Time,
    retry: bool,
}

crate::snapshot::state! { struct Pending { until, retry } }

/// When a request is made once more, if somebody waits then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Next {
    at: Time,
    /// How long after the one before.
    interval: Duration,
}

crate::snapshot::state! { struct Next { at, interval } }

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldBack {
    until: Time,
    wanted: bool,
    /// It was wanted, and a key frame came, which need not have been of use to who wished.
    doubted: bool,
}

crate::snapshot::state! { struct HeldBack { until, wanted, doubted } }

impl HeldBack {
    /// Nobody wishes for one yet.
    fn until(until: Time) -> Self {
        Self {
            until,
            wanted: false,
            doubted: false,
        }
    }
}

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
    pub fn want(&mut self, ssrc: u32, now: Time, retry: KeyFrameRetry) -> Action {
        let delay = self.delay;
        let request = self.request(ssrc);
        let mut action = Action::default();
        if !delay.is_zero() {
            if let Some(held_back) = &mut request.held_back {
                held_back.wanted = true;
                return action;
            }
            let until = now + delay;
            request.held_back = Some(HeldBack::until(until));
            action.release_at = Some(until);
        }
        let is_fresh = request.is_fresh(now, retry);
        match &mut request.pending {
            Some(pending) => pending.retry = true,
            // It was made again a moment ago, and is in its time.
            None if is_fresh => {}
            None => {
                action.send = true;
                action.retry_at = Some(request.await_answer(now, retry));
            }
        }
        action
    }

    /// Somebody still wants a key frame: only if nothing is about to ask for it.
    pub fn remind(&mut self, ssrc: u32, now: Time, retry: KeyFrameRetry) -> Action {
        let request = self.request(ssrc);
        match (request.pending, request.next) {
            (None, None) => self.want(ssrc, now, retry),
            _ => Action::default(),
        }
    }

    /// A key frame is needed whatever was asked before: the stream is new, or resumes.
    pub fn force(&mut self, ssrc: u32, now: Time, retry: KeyFrameRetry) -> Action {
        let delay = self.delay;
        let request = self.request(ssrc);
        let mut action = Action {
            send: true,
            ..Action::default()
        };
        if !delay.is_zero() {
            let until = now + delay;
            request.held_back = Some(HeldBack::until(until));
            action.release_at = Some(until);
        }
        action.retry_at = Some(request.await_answer(now, retry));
        action
    }

    /// A key frame arrived, and answers what is held back too. It need not have been of use to all
    /// who wait: when the answer would have been missed, that is looked at again.
    pub fn answered(&mut self, ssrc: u32) {
        let Some(request) = self.request_of(ssrc) else {
            return;
        };
        if let Some(held_back) = &mut request.held_back {
            held_back.doubted |= std::mem::take(&mut held_back.wanted);
        }
        request.asked = None;
        if let Some(pending) = request.pending.take() {
            request.next = Some(Next {
                at: pending.until,
                interval: Duration::ZERO,
            });
        }
    }

    /// The stream is over: nobody asks for it any more.
    pub fn forget(&mut self, ssrc: u32) {
        self.requests.retain(|request| request.ssrc != ssrc);
    }

    /// A retry deadline fired; `awaited` tells whether somebody waits for a key frame.
    pub fn retry(
        &mut self,
        ssrc: u32,
        now: Time,
        retry: KeyFrameRetry,
        awaited: impl FnOnce() -> bool,
    ) -> Action {
        let Some(request) = self.request_of(ssrc) else {
            return Action::default();
        };
        if let Some(Pending {
            until,
            retry: again,
        }) = request.pending
        {
            return match (until <= now, again) {
                (false, _) => Action::default(),
                (true, true) => request.repeat(now, retry),
                (true, false) => request.wait_on(now, retry, awaited),
            };
        }
        match request.next.take_if(|next| next.at <= now) {
            Some(next) if awaited() => request.ask_again(now, next.interval, retry),
            _ => Action::default(),
        }
    }

    /// A hold-back deadline fired; `awaited` tells whether somebody waits for a key frame, though one
    /// came since it was wished for.
    pub fn release(
        &mut self,
        ssrc: u32,
        now: Time,
        retry: KeyFrameRetry,
        awaited: impl FnOnce() -> bool,
    ) -> Action {
        // The stream may be over.
        let Some(request) = self.request_of(ssrc) else {
            return Action::default();
        };
        match request.held_back {
            Some(held_back) if held_back.until <= now => {
                request.held_back = None;
                if held_back.wanted || held_back.doubted && awaited() {
                    self.want(ssrc, now, retry)
                } else {
                    Action::default()
                }
            }
            _ => Action::default(),
        }
    }

    fn request_of(&mut self, ssrc: u32) -> Option<&mut Request> {
        let mut requests = self.requests.iter_mut();
        requests.find(|request| request.ssrc == ssrc)
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
                next: None,
                held_back: None,
                asked: None,
            });
            self.requests.len() - 1
        });
        &mut self.requests[index]
    }
}

impl Request {
    /// What was asked for may still come.
    fn is_fresh(&self, now: Time, retry: KeyFrameRetry) -> bool {
        let is_recent = |at| now - at < retry.interval;
        self.next.is_some() && self.asked.is_some_and(is_recent)
    }

    /// The first wait ends in a second request, whether somebody asks again or not.
    fn await_answer(&mut self, now: Time, retry: KeyFrameRetry) -> Time {
        let until = now + retry.interval;
        self.asked = Some(now);
        self.pending = Some(Pending { until, retry: true });
        self.next = None;
        until
    }

    fn repeat(&mut self, now: Time, retry: KeyFrameRetry) -> Action {
        let until = now + retry.interval;
        self.asked = Some(now);
        self.pending = Some(Pending {
            until,
            retry: false,
        });
        Action {
            send: true,
            retry_at: Some(until),
            release_at: None,
        }
    }

    /// The second request was not answered either: the next one is made twice as long after it as
    /// it was after the first.
    fn wait_on(
        &mut self,
        now: Time,
        retry: KeyFrameRetry,
        awaited: impl FnOnce() -> bool,
    ) -> Action {
        self.pending = None;
        if !awaited() {
            return Action::default();
        }
        let interval = retry.after(retry.interval);
        let at = now + interval.saturating_sub(retry.interval);
        self.next = Some(Next { at, interval });
        Action {
            retry_at: Some(at),
            ..Action::default()
        }
    }

    /// Asks `interval` after the last time, and then after twice that.
    fn ask_again(&mut self, now: Time, interval: Duration, retry: KeyFrameRetry) -> Action {
        let interval = retry.after(interval);
        let at = now + interval;
        self.asked = Some(now);
        self.next = Some(Next { at, interval });
        Action {
            send: true,
            retry_at: Some(at),
            release_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;
    const RETRY: KeyFrameRetry = KeyFrameRetry {
        interval: Duration::from_secs(1),
        interval_max: Duration::from_secs(8),
    };

    #[test]
    fn who_comes_after_a_repetition_waits_for_its_answer() {
        let mut requests = KeyFrameRequests::default();
        let awaited = || true;
        assert!(requests.want(1, AT(0), RETRY).send);
        assert!(requests.retry(1, AT(1_000), RETRY, awaited).send);
        assert!(!requests.retry(1, AT(2_000), RETRY, awaited).send);
        assert!(requests.retry(1, AT(3_000), RETRY, awaited).send);
        assert!(!requests.want(1, AT(3_000), RETRY).send);
        assert!(!requests.want(1, AT(3_999), RETRY).send);
        requests.answered(1);
        assert!(requests.want(1, AT(3_999), RETRY).send, "it did not help");
    }

    #[test]
    fn an_unanswered_request_is_repeated_once_after_a_second() {
        let mut requests = KeyFrameRequests::default();
        let action = requests.want(1, AT(0), RETRY);
        assert_eq!((action.send, action.retry_at), (true, Some(AT(1_000))));
        assert_eq!(
            requests.want(1, AT(10), RETRY),
            Action::default(),
            "one is pending"
        );
        let action = requests.retry(1, AT(1_000), RETRY, || false);
        assert_eq!((action.send, action.retry_at), (true, Some(AT(2_000))));
        assert_eq!(
            requests.retry(1, AT(2_000), RETRY, || false),
            Action::default()
        );
        assert!(
            requests.want(1, AT(2_001), RETRY).send,
            "the record is gone"
        );
    }

    #[test]
    fn a_wish_during_the_second_wait_asks_a_third_time() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0), RETRY);
        requests.retry(1, AT(1_000), RETRY, || false);
        requests.want(1, AT(1_500), RETRY);
        assert!(requests.retry(1, AT(2_000), RETRY, || false).send);
    }

    /// The milliseconds up to `end` at which requests are made, the first of them at 0.
    fn asked(requests: &mut KeyFrameRequests, end: u64, awaited: impl Fn(u64) -> bool) -> Vec<u64> {
        let mut deadlines: Vec<Time> = requests
            .want(1, AT(0), RETRY)
            .retry_at
            .into_iter()
            .collect();
        let mut asked = vec![0];
        while let Some(at) = deadlines.pop().filter(|&at| at <= AT(end)) {
            let action = requests.retry(1, at, RETRY, || awaited(at.as_millis()));
            asked.extend(action.send.then(|| at.as_millis()));
            deadlines.extend(action.retry_at);
        }
        asked
    }

    #[test]
    fn as_long_as_somebody_waits_requests_are_made_at_growing_intervals() {
        let mut requests = KeyFrameRequests::default();
        let expected = [0, 1_000, 3_000, 7_000, 15_000, 23_000, 31_000];
        assert_eq!(asked(&mut requests, 38_999, |_| true), expected);
        let mut requests = KeyFrameRequests::default();
        assert_eq!(asked(&mut requests, 99_999, |at| at < 7_000), expected[..3]);
    }

    #[test]
    fn a_wish_between_two_late_requests_is_new() {
        let mut requests = KeyFrameRequests::default();
        assert_eq!(asked(&mut requests, 4_000, |_| true), [0, 1_000, 3_000]);
        let action = requests.want(1, AT(4_000), RETRY);
        assert_eq!((action.send, action.retry_at), (true, Some(AT(5_000))));
        let stale = requests.retry(1, AT(7_000), RETRY, || panic!("it was asked since"));
        assert!(stale.send, "the second request is overdue");
    }

    #[test]
    fn an_answer_that_was_of_no_use_is_asked_for_again() {
        for (awaited, sent) in [(true, true), (false, false)] {
            let mut requests = KeyFrameRequests::default();
            requests.want(1, AT(0), RETRY);
            requests.answered(1);
            let action = requests.retry(1, AT(1_000), RETRY, || awaited);
            assert_eq!(action.send, sent);
            assert_eq!(action.retry_at, sent.then(|| AT(2_000)));
        }
    }

    #[test]
    fn an_answer_ends_the_wait() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0), RETRY);
        requests.answered(1);
        assert_eq!(
            requests.retry(1, AT(1_000), RETRY, || false),
            Action::default()
        );
        assert!(requests.want(1, AT(1_001), RETRY).send);
    }

    #[test]
    fn the_delay_holds_wishes_back_and_then_releases_one() {
        let mut requests = KeyFrameRequests::new(Duration::from_millis(300));
        let action = requests.want(1, AT(0), RETRY);
        assert_eq!((action.send, action.release_at), (true, Some(AT(300))));
        requests.answered(1);
        assert!(!requests.want(1, AT(100), RETRY).send);
        let action = requests.release(1, AT(300), RETRY, || false);
        assert_eq!((action.send, action.release_at), (true, Some(AT(600))));
        requests.answered(1);
        assert_eq!(
            requests.release(1, AT(600), RETRY, || false),
            Action::default(),
            "nobody asked meanwhile"
        );
        for (wishes, is_sent) in [(1, false), (2, true)] {
            let mut requests = KeyFrameRequests::new(Duration::from_millis(300));
            for ms in 0..wishes {
                requests.want(1, AT(ms), RETRY);
            }
            requests.answered(1);
            let action = requests.release(1, AT(300), RETRY, || true);
            assert_eq!(
                action.send, is_sent,
                "{wishes} wishes and somebody who waits"
            );
        }
    }

    #[test]
    fn a_stale_deadline_does_nothing() {
        let mut requests = KeyFrameRequests::default();
        requests.want(1, AT(0), RETRY);
        requests.force(1, AT(500), RETRY);
        assert_eq!(
            requests.retry(1, AT(1_000), RETRY, || false),
            Action::default(),
            "it was restarted at 500"
        );
        assert!(requests.retry(1, AT(1_500), RETRY, || false).send);
    }

    #[test]
    fn nothing_stays_of_streams_that_are_over() {
        let mut requests = KeyFrameRequests::new(Duration::from_secs(1));
        for ssrc in 0..100 {
            let now = Time::from_millis(u64::from(ssrc) * 600);
            requests.force(ssrc, now, RETRY);
            requests.forget(ssrc);
            let later = now + Duration::from_secs(1);
            assert_eq!(
                requests.retry(ssrc, later, RETRY, || true),
                Action::default()
            );
            let action = requests.release(ssrc, later, RETRY, || true);
            assert_eq!(action, Action::default());
        }
        assert!(requests.requests.is_empty());
    }

    #[test]
    fn streams_are_asked_independently() {
        let mut requests = KeyFrameRequests::default();
        assert!(requests.want(1, AT(0), RETRY).send);
        assert!(requests.want(2, AT(0), RETRY).send);
    }
}
