//! How long packets wait in queues.

use std::time::Duration;

use super::estimator::millis;
use crate::tick::time::Time;

/// How much longer packets are on their way than the fastest of the last seconds were.
///
/// The least of some packets is taken: jitter delays packets and hastens none, and what a queue
/// holds up it holds up all. A rate is not lowered for delays that jitter alone explains.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueingDelay {
    /// The fastest packets of a long and of a short span: milliseconds between two clocks.
    base: Least,
    recent: Least,
    last: f64,
    noise: f64,
    /// How much longer than the fastest of them packets take that are sent together: their jitter.
    spread: f64,
}

/// The least of what came within a span.
#[derive(Clone, Copy, Debug)]
struct Least {
    span: Duration,
    began: Time,
    current: f64,
    previous: f64,
    count: u32,
}

/// Routes change, and clocks drift by less than a millisecond in this time.
const BASE_SPAN: Duration = Duration::from_secs(10);
/// As often as receivers usually report.
const RECENT_SPAN: Duration = Duration::from_millis(100);
/// Shorter queues need no answer, whatever their trend.
const QUEUE_MIN_MS: f64 = 10.0;
/// A queue is longer than so many mean deviations of the delay.
const NOISE_FACTOR: f64 = 3.0;
const NOISE_MEMORY: f64 = 0.9;
const SPREAD_MEMORY: f64 = 0.98;
/// Jitter from which on so many packets are needed to find a fast one.
const JITTER_MS: f64 = 10.0;
const PACKETS_MIN: u32 = 15;

impl Default for QueueingDelay {
    fn default() -> Self {
        Self {
            base: Least::over(BASE_SPAN),
            recent: Least::over(RECENT_SPAN),
            last: 0.0,
            noise: 0.0,
            spread: 0.0,
        }
    }
}

impl QueueingDelay {
    /// Takes in a packet that was sent at `sent` and arrived at `arrived`, as told at `now`.
    pub(super) fn add(&mut self, sent: Time, arrived: Time, now: Time) {
        let delay = millis(arrived - Time::ZERO) - millis(sent - Time::ZERO);
        self.base.add((delay, 1), now);
        let count = if self.is_jittery() { PACKETS_MIN } else { 1 };
        self.recent.add((delay, count), now);
        let beyond = self.recent.get().map_or(0.0, |least| delay - least);
        self.spread = SPREAD_MEMORY * self.spread + (1.0 - SPREAD_MEMORY) * beyond;
    }

    /// How much longer than the fastest packets take, in milliseconds.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// Packets overtake each other.
    pub(super) fn is_jittery(&self) -> bool {
        self.spread > JITTER_MS
    }

    /// A report is over: how far the delay moved since the last one.
    pub(super) fn settle(&mut self) {
        let delay = self.millis();
        let moved = (delay - self.last).abs();
        self.noise = NOISE_MEMORY * self.noise + (1.0 - NOISE_MEMORY) * moved;
        self.last = delay;
    }

    /// Milliseconds in queues.
    pub(super) fn millis(&self) -> f64 {
        match (self.recent.get(), self.base.get()) {
            (Some(recent), Some(base)) => (recent - base).max(0.0),
            _ => 0.0,
        }
    }

    /// There is a queue, and not only jitter.
    pub(super) fn is_proven(&self) -> bool {
        self.millis() > QUEUE_MIN_MS.max(NOISE_FACTOR * self.noise)
    }
}

impl Least {
    fn over(span: Duration) -> Self {
        Self {
            span,
            began: Time::ZERO,
            current: f64::INFINITY,
            previous: f64::INFINITY,
            count: 0,
        }
    }

    /// Takes in a value; a span has at least `count` of them.
    fn add(&mut self, (value, count): (f64, u32), now: Time) {
        if now - self.began >= self.span && self.count >= count {
            self.previous = std::mem::replace(&mut self.current, f64::INFINITY);
            (self.began, self.count) = (now, 0);
        }
        self.current = self.current.min(value);
        self.count += 1;
    }

    fn get(&self) -> Option<f64> {
        let least = self.current.min(self.previous);
        least.is_finite().then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 20 ms a packet with one of `delays` in turn, for `ms`; reports every 100 ms.
    fn run(queue: &mut QueueingDelay, from: u64, ms: u64, delays: &[u64]) {
        for (index, sent) in (from..from + ms).step_by(20).enumerate() {
            let arrived = sent + delays[index % delays.len()];
            let now = Time::from_millis(sent + 100);
            queue.add(Time::from_millis(sent), Time::from_millis(arrived), now);
            if sent % 100 == 0 {
                queue.settle();
            }
        }
    }

    #[test]
    fn a_queue_is_what_all_packets_wait() {
        let mut queue = QueueingDelay::default();
        run(&mut queue, 0, 2_000, &[50]);
        assert!(queue.millis() < 1e-6 && !queue.is_proven());
        run(&mut queue, 2_000, 400, &[80]);
        assert!((queue.millis() - 30.0).abs() < 1e-6 && queue.is_proven());
    }

    #[test]
    fn jitter_is_no_queue() {
        let mut queue = QueueingDelay::default();
        run(&mut queue, 0, 4_000, &[50, 90, 60, 100, 55, 97]);
        assert!(!queue.is_proven(), "{}", queue.millis());
        assert!(queue.is_jittery() && (15.0..35.0).contains(&queue.spread()));
    }

    #[test]
    fn a_longer_route_becomes_the_base() {
        let mut queue = QueueingDelay::default();
        run(&mut queue, 0, 2_000, &[50]);
        run(&mut queue, 2_000, 30_000, &[90]);
        assert!(queue.millis() < 1e-6, "{}", queue.millis());
    }
}
