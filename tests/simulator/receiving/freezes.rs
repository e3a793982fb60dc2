//! How long a picture stands still, as the statistics of WebRTC count it.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::Time;

use super::VideoReception;

/// When the pictures of a video come, and whether one is waited for.
#[derive(Clone, Debug)]
pub(super) struct Freezes {
    /// Since when the next picture is waited for; it is not while the video is paused or over.
    since: Option<Time>,
    is_over: bool,
    /// Between the newest pictures.
    recent: VecDeque<Duration>,
}

/// So many intervals are recent.
const RECENT: usize = 30;
/// How much longer than others an interval is at least that is a freeze.
const LONGER: Duration = Duration::from_millis(150);

impl Freezes {
    /// The pictures of a video that is waited for from `now` on, and is said to have one in each
    /// `interval`.
    pub(super) fn new(interval: Duration, now: Time) -> Self {
        Self {
            since: Some(now),
            is_over: false,
            recent: VecDeque::from([interval]),
        }
    }

    /// A picture is shown.
    pub(super) fn show(&mut self, now: Time, got: &mut VideoReception) {
        let Some(since) = self.since.replace(now) else {
            // It was on its way.
            self.since = None;
            return;
        };
        self.count(now - since, got);
        if got.first.is_some() {
            self.recent.truncate(RECENT - 1);
            self.recent.push_front(now - since);
        }
    }

    /// No picture is waited for, or one is again.
    pub(super) fn set_paused(&mut self, is_paused: bool, now: Time, got: &mut VideoReception) {
        match self.since {
            Some(since) if is_paused => self.count(now - since, got),
            None if !is_paused && !self.is_over => return self.since = Some(now),
            _ => return,
        }
        self.since = None;
    }

    /// No picture is waited for ever again.
    pub(super) fn end(&mut self, now: Time, got: &mut VideoReception) {
        self.set_paused(true, now, got);
        self.is_over = true;
    }

    /// What was got by `now`, with what is waited for.
    pub(super) fn closed(&self, now: Time, got: &VideoReception) -> VideoReception {
        let mut got = got.clone();
        if let Some(since) = self.since {
            self.count(now - since, &mut got);
        }
        got
    }

    /// Counts a span without a picture.
    fn count(&self, span: Duration, got: &mut VideoReception) {
        if got.first.is_none() {
            got.waited += span;
        } else if span > self.longest() {
            got.frozen += span;
            got.freezes += 1;
            got.longest_freeze = got.longest_freeze.max(span);
        }
    }

    /// How long an interval may be that is no freeze.
    fn longest(&self) -> Duration {
        let all: Duration = self.recent.iter().sum();
        let mean = all / self.recent.len() as u32;
        (mean * 3).max(mean + LONGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiving::Shown;

    /// Shows a picture at each of these milliseconds.
    fn shown(pictures: impl IntoIterator<Item = u64>) -> (Freezes, VideoReception) {
        let mut freezes = Freezes::new(Duration::from_millis(40), Time::ZERO);
        let mut got = VideoReception::default();
        for at in pictures {
            show(at, &mut freezes, &mut got);
        }
        (freezes, got)
    }

    fn show(at: u64, freezes: &mut Freezes, got: &mut VideoReception) {
        let at = Time::from_millis(at);
        freezes.show(at, got);
        got.first.get_or_insert(Shown {
            at,
            encoding: 0,
            spatial: 0,
            temporal: 0,
            is_key: true,
            frame: 0,
        });
    }

    /// What is waited for, frozen, and how often, at a millisecond.
    fn at(ms: u64, (freezes, got): &(Freezes, VideoReception)) -> (u128, u128, u64) {
        let got = freezes.closed(Time::from_millis(ms), got);
        let [waited, frozen] = [got.waited, got.frozen].map(|span| span.as_millis());
        (waited, frozen, got.freezes)
    }

    #[test]
    fn what_never_begins_is_waited_for() {
        assert_eq!(at(5_000, &shown([])), (5_000, 0, 0));
        assert_eq!(at(5_000, &shown([4_900])), (4_900, 0, 0));
    }

    #[test]
    fn a_freeze_counts_while_it_lasts_and_when_it_is_over() {
        let mut video = shown((0..20).map(|picture| picture * 40));
        assert_eq!(at(760 + 190, &video), (0, 0, 0));
        assert_eq!(at(760 + 191, &video), (0, 191, 1));
        show(2_760, &mut video.0, &mut video.1);
        assert_eq!(at(2_800, &video), (0, 2_000, 1));
        assert_eq!(at(9_760, &video), (0, 9_000, 2));
    }

    #[test]
    fn who_gets_few_pictures_is_not_frozen_between_them() {
        let (_, got) = shown((0..100).map(|picture| picture * 400));
        // The first ones only: more were promised.
        assert!((1..5).contains(&got.freezes), "{got:?}");
    }

    #[test]
    fn a_pause_is_no_freeze_and_a_wait_behind_it_is() {
        let (mut freezes, mut got) = shown((0..20).map(|picture| picture * 40));
        let [paused, resumed] = [1_000, 8_000].map(Time::from_millis);
        freezes.set_paused(true, paused, &mut got);
        show(1_010, &mut freezes, &mut got);
        freezes.set_paused(false, resumed, &mut got);
        show(8_030, &mut freezes, &mut got);
        let mut video = (freezes, got);
        assert_eq!(at(8_040, &video), (0, 240, 1));
        assert_eq!(at(8_530, &video), (0, 740, 2));
        video.0.end(Time::from_millis(8_630), &mut video.1);
        video.0.set_paused(false, resumed, &mut video.1);
        assert_eq!(at(99_000, &video), (0, 840, 2));
    }
}
