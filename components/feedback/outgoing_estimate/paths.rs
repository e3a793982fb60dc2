//! What is made of paths that change, with a model of a path in a few lines.

use std::collections::VecDeque;
use std::time::Duration;

use super::estimator::{BandwidthEstimator, PacketReport, PathReport, SentPacket};
use super::transport_wide_estimator::TransportWideEstimator;
use crate::tick::time::Time;

const STEP: Duration = Duration::from_millis(1);
const BYTES: u16 = 1_000;

/// A path without jitter, and a receiver that tells of it every tenth of a second.
struct Path {
    estimator: TransportWideEstimator,
    now: Time,
    /// What it carries in kbit/s, how long it takes at least and how long packets wait at most.
    kbits: u64,
    delay: Duration,
    queue: Duration,
    /// Others fill the queue by so much.
    foreign: Duration,
    /// Of so many reports one is lost; 0 for none.
    lost_reports: u64,
    free: Time,
    number: u64,
    due: Time,
    reports: u64,
    flying: VecDeque<(Time, PacketReport)>,
    told: VecDeque<(Time, Vec<PacketReport>)>,
    news: Vec<PacketReport>,
}

impl Path {
    fn of(kbits: u64, estimate: u64) -> Self {
        Self {
            estimator: TransportWideEstimator::new(estimate * 1_000),
            now: Time::from_secs(1),
            kbits,
            delay: Duration::from_millis(50),
            queue: Duration::from_millis(300),
            foreign: Duration::ZERO,
            lost_reports: 0,
            free: Time::ZERO,
            number: 0,
            due: Time::ZERO,
            reports: 0,
            flying: VecDeque::new(),
            told: VecDeque::new(),
            news: Vec::new(),
        }
    }

    /// Sends `kbits` for `ms`; the least and the last estimate in kbit/s.
    fn send(&mut self, kbits: u64, ms: u64) -> (u64, u64) {
        let (end, mut least) = (self.now + Duration::from_millis(ms), u64::MAX);
        let mut last = 0;
        self.due = self.due.max(self.now);
        while self.now < end {
            self.now += STEP;
            while kbits > 0 && self.due <= self.now {
                self.due += Duration::from_micros(u64::from(BYTES) * 8_000 / kbits);
                self.leave();
            }
            self.arrive();
            last = self.estimator.estimate(0, self.now).bitrate / 1_000;
            least = least.min(last);
        }
        (least, last)
    }

    fn leave(&mut self) {
        self.number += 1;
        let sent = SentPacket {
            number: self.number,
            at: self.now,
            bytes: BYTES,
            probe: 0,
        };
        self.estimator.receive(PathReport::Sent(sent), self.now);
        let is_lost = self.free - self.now > self.queue;
        if !is_lost {
            let nanos = u64::from(BYTES) * 8_000_000 / self.kbits;
            self.free = self.free.max(self.now) + Duration::from_nanos(nanos);
        }
        let arrived = self.free.max(self.now) + self.delay + self.foreign;
        let report = PacketReport {
            sent,
            arrived: (!is_lost).then_some(arrived),
            was_lost: false,
        };
        self.flying.push_back((arrived, report));
    }

    fn arrive(&mut self) {
        while self.flying.front().is_some_and(|(at, _)| *at <= self.now) {
            self.news.extend(self.flying.pop_front().map(|it| it.1));
        }
        if self.now.as_millis().is_multiple_of(100) && !self.news.is_empty() {
            self.reports += 1;
            let news = std::mem::take(&mut self.news);
            let is_lost = self.lost_reports > 0 && self.reports.is_multiple_of(self.lost_reports);
            if !is_lost {
                self.told.push_back((self.now + self.delay, news));
            }
        }
        while self.told.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, told)) = self.told.pop_front() {
                let feedback = PathReport::Feedback(&told);
                self.estimator.receive(feedback, self.now);
            }
        }
    }
}

#[test]
fn a_pause_amid_loss_is_got_over() {
    for delay in [50, 100] {
        let mut path = Path::of(3_000, 2_000);
        path.delay = Duration::from_millis(delay);
        path.send(1_800, 10_000);
        path.kbits = 600;
        path.send(1_800, 500);
        path.send(0, 60_000);
        path.kbits = 3_000;
        let (_, last) = path.send(200, 10_000);
        assert!(last >= 250, "{last} kbit/s after {delay} ms");
    }
}

#[test]
fn what_was_lost_before_a_long_pause_says_nothing_after_it() {
    let mut path = Path::of(3_000, 2_000);
    path.send(1_800, 10_000);
    path.queue = Duration::ZERO;
    path.kbits = 1_700;
    path.send(1_800, 150);
    path.send(0, 600_000);
    (path.kbits, path.queue) = (3_000, Duration::from_millis(300));
    let (least, _) = path.send(1_800, 3_000);
    assert!(least >= 1_500, "{least} kbit/s");
}

#[test]
fn another_way_is_no_queue() {
    let mut path = Path::of(5_000, 2_000);
    path.send(1_500, 15_000);
    path.delay += Duration::from_millis(60);
    path.estimator.receive(PathReport::Moved, path.now);
    let (least, _) = path.send(1_500, 20_000);
    assert!(least >= 1_900, "{least} kbit/s");
}

#[test]
fn a_longer_way_is_taken_for_a_queue_for_some_seconds() {
    let mut path = Path::of(5_000, 2_000);
    path.send(1_500, 15_000);
    path.delay += Duration::from_millis(60);
    path.send(1_000, 4_000);
    let (least, last) = path.send(500, 16_000);
    assert!(least >= 400 && last >= 500, "{least}, {last} kbit/s");
}

#[test]
fn a_queue_of_others_lowers_little_while_little_is_sent() {
    let mut path = Path::of(5_000, 3_000);
    path.send(2_500, 10_000);
    path.send(50, 5_000);
    path.foreign = Duration::from_millis(80);
    let (least, _) = path.send(50, 6_000);
    assert!(least >= 1_800, "{least} kbit/s");
}

/// A path on which others fill the queue, and what is believed of it after that was yielded to.
fn with_rivals() -> (Path, u64) {
    let mut path = Path::of(5_000, 3_000);
    path.send(2_700, 10_000);
    path.foreign = Duration::from_millis(150);
    let (least, _) = path.send(2_700, 1_500);
    assert!(least < 2_100, "{least} kbit/s: it is yielded to at first");
    let (_, last) = path.send(600, 8_000);
    (path, last)
}

#[test]
fn a_queue_that_does_not_follow_is_of_others_and_not_yielded_to() {
    let (_, last) = with_rivals();
    assert!(last >= 2_400, "{last} kbit/s");
}

#[test]
fn who_was_beside_others_yields_to_its_own_queue_once_they_are_gone() {
    let (mut path, _) = with_rivals();
    path.foreign = Duration::ZERO;
    path.send(2_400, 40_000);
    path.queue = Duration::from_secs(10);
    path.kbits = 1_200;
    let (least, _) = path.send(2_400, 500);
    assert!(least <= 1_200, "{least} kbit/s");
}

#[test]
fn who_was_beside_others_on_one_network_is_not_on_another() {
    let (mut path, _) = with_rivals();
    path.estimator.receive(PathReport::Moved, path.now);
    path.foreign = Duration::ZERO;
    path.queue = Duration::from_secs(10);
    path.kbits = 1_000;
    let (_, last) = path.send(2_400, 5_000);
    assert!(last <= 1_000, "{last} kbit/s");
}

#[test]
fn who_is_sent_nothing_has_nothing_to_answer() {
    let mut path = Path::of(3_000, 1_000);
    path.send(500, 10_000);
    path.lost_reports = 1;
    let (_, silenced) = path.send(500, 8_000);
    assert!((100..800).contains(&silenced), "{silenced} kbit/s");
    path.send(0, 2_500);
    let (_, paused) = path.send(0, 1_000);
    let (_, last) = path.send(0, 60_000);
    assert_eq!(last, paused);
}

#[test]
fn a_path_that_is_slowly_filled_by_little_is_noticed() {
    let mut path = Path::of(3_000, 2_000);
    path.queue = Duration::from_secs(10);
    path.send(1_000, 10_000);
    path.kbits = 920;
    let (_, last) = path.send(1_000, 8_000);
    assert!(last <= 920, "{last} kbit/s");
}

#[test]
fn video_that_begins_beside_audio_is_believed_soon() {
    let mut path = Path::of(3_000, 2_000);
    path.send(40, 10_000);
    path.kbits = 1_000;
    let (least, _) = path.send(1_500, 1_500);
    assert!(least >= 300, "{least} kbit/s");
    let figures = path.estimator.estimate(0, path.now).figures;
    let arrives = figures.acknowledged_bitrate.unwrap_or(0);
    assert!((850_000..1_150_000).contains(&arrives), "{arrives} bit/s");
}

#[test]
fn reports_that_are_lost_are_no_lower_rate() {
    let least = |lost_reports| {
        let mut path = Path::of(3_000, 2_000);
        path.lost_reports = lost_reports;
        path.send(1_900, 10_000);
        path.kbits = 1_000;
        path.send(1_900, 700);
        path.send(800, 3_000).0
    };
    let (all, some) = (least(0), least(4));
    assert!(some >= all * 8 / 10, "{some}, not {all} kbit/s");
}

#[test]
fn a_path_that_becomes_narrow_is_noticed_within_four_reports() {
    for (from, to) in [(2_500, 600), (4_000, 2_000), (2_000, 1_000)] {
        let mut path = Path::of(from, from);
        path.send(from * 9 / 10, 10_000);
        path.kbits = to;
        let (least, _) = path.send(from * 9 / 10, 400);
        assert!(least <= to, "{least} of {to} kbit/s");
    }
}

#[test]
fn a_path_that_becomes_narrow_for_little_is_noticed_too() {
    let mut path = Path::of(5_000, 4_000);
    path.send(1_500, 10_000);
    path.kbits = 600;
    let (least, _) = path.send(1_500, 800);
    assert!(least <= 800, "{least} kbit/s");
}
