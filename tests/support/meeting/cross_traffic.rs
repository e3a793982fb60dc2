//! Traffic that reacts to loss alone, as TCP's does.

use std::collections::BTreeMap;
use std::time::Duration;

use flumen::Time;

use super::Parcel;
use crate::noise::Noise;
use crate::path::Path;

/// A flow: slow start, additive increase, multiplicative decrease once a round trip (RFC 5681,
/// without its timers).
#[derive(Debug)]
pub struct Tcp {
    path: usize,
    work: Work,
    back: Duration,
    noise: Noise,
    window: f64,
    threshold: f64,
    /// Packets under way.
    flying: u64,
    /// Packets of this transfer that are yet to be sent.
    left: u64,
    next: Time,
    cut_at: Time,
    /// When acknowledgements and news of loss come back, and how many.
    news: BTreeMap<(Time, u64), bool>,
    count: u64,
    /// Packets that arrived.
    pub arrived: u64,
}

/// When a flow has something to send.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// From this time on, without an end.
    Long(Time),
    /// Transfers of so many packets at most, between pauses of so long at most.
    Short(u64, Duration),
}

const PACKET: usize = 1_500;
/// Larger windows would not matter behind these links.
const WINDOW_MAX: f64 = 300.0;

impl Tcp {
    /// A flow through bottleneck `path`, with `back` until its receiver is heard.
    pub fn new(path: usize, work: Work, back: Duration, seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let (next, left) = match work {
            Work::Long(from) => (from, u64::MAX),
            Work::Short(packets, pause) => (
                Time::ZERO + Duration::from_millis(noise.below(pause.as_millis() as u64 + 1)),
                1 + noise.below(packets),
            ),
        };
        Self {
            path,
            work,
            back,
            noise,
            window: 10.0,
            threshold: WINDOW_MAX,
            flying: 0,
            left,
            next,
            cut_at: Time::ZERO,
            news: BTreeMap::new(),
            count: 0,
            arrived: 0,
        }
    }

    pub(super) fn step(&mut self, index: usize, paths: &mut [Path<Parcel>], now: Time) {
        while let Some(first) = self.news.first_entry() {
            if first.key().0 > now {
                break;
            }
            let is_acknowledged = first.remove();
            self.flying -= 1;
            self.learn(is_acknowledged, now);
        }
        if now < self.next {
            return;
        }
        while self.left > 0 && (self.flying as f64) < self.window {
            self.left -= 1;
            self.flying += 1;
            if !paths[self.path].send(now, PACKET, Parcel::Tcp(index)) {
                self.tell(now + 2 * self.back, false);
                self.left = self.left.saturating_add(1);
            }
        }
        if self.left == 0 && self.flying == 0 {
            self.rest(now);
        }
    }

    pub(super) fn arrive(&mut self, at: Time) {
        self.arrived += 1;
        self.tell(at + self.back, true);
    }

    fn tell(&mut self, at: Time, is_acknowledged: bool) {
        self.count += 1;
        self.news.insert((at, self.count), is_acknowledged);
    }

    fn learn(&mut self, is_acknowledged: bool, now: Time) {
        if is_acknowledged {
            let step = if self.window < self.threshold {
                1.0
            } else {
                1.0 / self.window
            };
            self.window = (self.window + step).min(WINDOW_MAX);
        } else if now - self.cut_at > 2 * self.back {
            self.cut_at = now;
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = self.threshold;
        }
    }

    fn rest(&mut self, now: Time) {
        if let Work::Short(packets, pause) = self.work {
            let pause = self.noise.below(pause.as_millis() as u64 + 1);
            self.next = now + Duration::from_millis(pause);
            self.left = 1 + self.noise.below(packets);
            (self.window, self.threshold) = (10.0, WINDOW_MAX);
        }
    }
}
