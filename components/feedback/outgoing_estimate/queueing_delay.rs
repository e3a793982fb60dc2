//! How long packets wait in queues.

use std::time::Duration;

use super::estimator::{SentPacket, millis, overtaking};
use super::newest_delays::NewestDelays;
use crate::tick::time::Time;

/// How much longer packets are on their way than the fastest of the last seconds were.
///
/// The least of the newest packets is taken: jitter delays packets and hastens none, and what a queue
/// holds up it holds up all. A rate is not lowered for delays that jitter alone explains.
///
/// Routes become longer, and a queue that stays full looks the same. So while a queue of our own
/// making stands, the fastest packets from before it are what counts: until it is shorter, or so
/// little was sent for so long that it would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueingDelay {
    /// The fastest packets of the last seconds, and the newest ones: milliseconds between two clocks.
    base: Least,
    newest: NewestDelays,
    last: f64,
    noise: f64,
    /// How much longer than the fastest of them packets take that are sent together: their jitter.
    spread: f64,
    /// The number of the newest packet, and how late those come that are older.
    number: u64,
    late: f64,
    standing: Option<Standing>,
    /// The fastest packet of all: what the path takes where nobody's packets wait.
    idle: Option<f64>,
}

crate::snapshot::state! {
    struct QueueingDelay { base, newest, last, noise, spread, number, late, standing, idle }
}

/// What is sent into a queue, in bits a second, and what gets out of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) sent: f64,
    pub(super) arrives: f64,
    /// The same by the newest report alone, if that is less.
    pub(super) arrives_now: f64,
    /// It loses packets that it would not lose if less was sent.
    pub(super) overflows: bool,
}

/// A queue that is there.
#[derive(Clone, Copy, Debug)]
struct Standing {
    began: Time,
    told_at: Time,
    /// The most that got out of it, in bits a second.
    most: f64,
    overflowed_at: Option<Time>,
    /// By how many milliseconds it would be shorter for what was not sent.
    drained_ms: f64,
}

crate::snapshot::state! { struct Standing { began, told_at, most, overflowed_at, drained_ms } }

/// The least of what came within a span.
#[derive(Clone, Copy, Debug)]
struct Least {
    span: Duration,
    began: Time,
    current: f64,
    previous: f64,
}

crate::snapshot::state! { struct Least { span, began, current, previous } }

/// Routes change, and clocks drift by less than a millisecond in this time.
const BASE_SPAN: Duration = Duration::from_secs(10);
/// Shorter queues need no answer, whatever their trend.
const QUEUE_MIN_MS: f64 = 10.0;
/// A queue is longer than so many mean deviations of the delay.
const NOISE_FACTOR: f64 = 3.0;
const NOISE_MEMORY: f64 = 0.9;
const SPREAD_MEMORY: f64 = 0.98;
/// The latest of some hundred packets.
const LATE_MEMORY: f64 = 0.998;
/// Jitter from which on a trend says nothing by itself.
const JITTER_MS: f64 = 10.0;
/// A queue becomes shorter where no more is sent than this share of what gets out of it.
const DRAINS: f64 = 0.75;
/// It is not of what is sent if it is not shorter although it would have drained so many times, and
/// then for so long.
const DRAINED_TIMES: f64 = 2.0;
const DRAINED_MS: f64 = 2_500.0;
/// For so long what is believed to arrive may still be that of a path before it became narrow.
const BELIEVED_LATE: Duration = Duration::from_millis(1_500);

impl Default for QueueingDelay {
    fn default() -> Self {
        Self {
            base: Least::over(BASE_SPAN),
            newest: NewestDelays::default(),
            last: 0.0,
            noise: 0.0,
            spread: 0.0,
            number: 0,
            late: 0.0,
            standing: None,
            idle: None,
        }
    }
}

impl QueueingDelay {
    /// Takes in a packet that arrived at `arrived`, as told at `now`.
    pub(super) fn add(&mut self, sent: &SentPacket, arrived: Time, now: Time) {
        let delay = millis(arrived - Time::ZERO) - millis(sent.at - Time::ZERO);
        let is_own = self.standing.is_some_and(|queue| queue.is_own(now));
        self.base.add(delay, is_own, now);
        self.idle = Some(self.idle.map_or(delay, |idle| idle.min(delay)));
        self.newest.add(delay, arrived);
        let beyond = self.recent().map_or(0.0, |least| delay - least);
        self.spread = SPREAD_MEMORY * self.spread + (1.0 - SPREAD_MEMORY) * beyond;
        self.late *= LATE_MEMORY;
        if sent.number < self.number {
            self.late = self.late.max(beyond);
        }
        self.number = self.number.max(sent.number);
    }

    fn recent(&self) -> Option<f64> {
        self.newest.least(self.late)
    }

    /// How much longer than the fastest packets those take that others overtake, in milliseconds; 0
    /// where that is rare, so that repairs of what was lost need not wait for it.
    pub(super) fn reordering(&self) -> f64 {
        match self.is_jittery() {
            true => self.late,
            false => 0.0,
        }
    }

    /// How much longer than the fastest packets take, in milliseconds.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// Packets come at odds with how they were sent.
    pub(super) fn is_jittery(&self) -> bool {
        self.spread > JITTER_MS
    }

    /// Packets that were overtaken come within about this time.
    pub(super) fn overtaking(&self) -> Duration {
        overtaking(self.reordering())
    }

    /// A report is over, under `load`: how far the delay moved since the last one. True when that
    /// shows that the queue is not of what is sent: the way is longer, or others fill it.
    pub(super) fn settle(&mut self, load: Load, now: Time) -> bool {
        let delay = self.millis();
        let moved = (delay - self.last).abs();
        self.noise = NOISE_MEMORY * self.noise + (1.0 - NOISE_MEMORY) * moved;
        self.last = delay;
        self.watch(load, now)
    }

    fn watch(&mut self, load: Load, now: Time) -> bool {
        if !self.is_proven() {
            self.standing = None;
            return false;
        }
        let queue = self.standing.get_or_insert(Standing::since(now));
        queue.pass(load, now);
        let would_be_empty = DRAINED_TIMES * self.last + DRAINED_MS;
        let is_drained = queue.drained_ms > would_be_empty;
        let Some(recent) = self.recent().filter(|_| is_drained) else {
            return false;
        };
        self.base.begin_with(recent);
        self.standing = None;
        true
    }

    /// No packets wait, by the fastest of all.
    pub(super) fn is_empty(&self) -> bool {
        let recent = self.recent().zip(self.idle);
        recent.is_none_or(|(recent, idle)| recent <= idle + QUEUE_MIN_MS)
    }

    /// Milliseconds in queues.
    pub(super) fn millis(&self) -> f64 {
        match (self.recent(), self.base.get()) {
            (Some(recent), Some(base)) => (recent - base).max(0.0),
            _ => 0.0,
        }
    }

    /// There is a queue, and not only jitter.
    pub(super) fn is_proven(&self) -> bool {
        self.millis() > QUEUE_MIN_MS.max(NOISE_FACTOR * self.noise)
    }
}

impl Standing {
    fn since(now: Time) -> Self {
        Self {
            began: now,
            told_at: now,
            most: 0.0,
            overflowed_at: None,
            drained_ms: 0.0,
        }
    }

    /// What is sent fills it.
    fn is_own(&self, now: Time) -> bool {
        self.overflowed_at.is_some_and(|at| now - at < BASE_SPAN)
    }

    fn pass(&mut self, load: Load, now: Time) {
        let since = millis(now - std::mem::replace(&mut self.told_at, now));
        self.most = match now - self.began < BELIEVED_LATE {
            true => load.arrives_now,
            false => self.most.max(load.arrives),
        };
        if load.overflows {
            self.overflowed_at = Some(now);
        }
        if load.sent < DRAINS * self.most {
            self.drained_ms += since * (1.0 - load.sent / self.most);
        }
    }
}

impl Least {
    fn over(span: Duration) -> Self {
        Self {
            span,
            began: Time::ZERO,
            current: f64::INFINITY,
            previous: f64::INFINITY,
        }
    }

    /// Takes in a value; while it `is_held`, no span is over.
    fn add(&mut self, value: f64, is_held: bool, now: Time) {
        if now - self.began >= self.span && !is_held {
            self.previous = std::mem::replace(&mut self.current, f64::INFINITY);
            self.began = now;
        }
        self.current = self.current.min(value);
    }

    /// Begins anew with this value.
    fn begin_with(&mut self, value: f64) {
        (self.current, self.previous) = (value, value);
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
        run_under(Load::default(), queue, (from, ms), delays);
    }

    fn run_under(load: Load, queue: &mut QueueingDelay, (from, ms): (u64, u64), delays: &[u64]) {
        for (index, sent) in (from..from + ms).step_by(20).enumerate() {
            let arrived = sent + delays[index % delays.len()];
            let now = Time::from_millis(sent + 100);
            let packet = SentPacket {
                number: sent,
                at: Time::from_millis(sent),
                bytes: 1_200,
                probe: 0,
            };
            queue.add(&packet, Time::from_millis(arrived), now);
            if sent % 100 == 0 {
                queue.settle(load, now);
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

    const OVERFLOWS: Load = Load {
        sent: 1e6,
        arrives: 0.6e6,
        arrives_now: 0.6e6,
        overflows: true,
    };

    #[test]
    fn a_queue_that_stays_full_never_becomes_the_base() {
        let mut queue = QueueingDelay::default();
        run(&mut queue, 0, 2_000, &[50]);
        run_under(OVERFLOWS, &mut queue, (2_000, 120_000), &[350]);
        assert!((queue.millis() - 300.0).abs() < 1e-6);
        run(&mut queue, 122_000, 2_000, &[50]);
        assert!(!queue.is_proven());
    }

    #[test]
    fn a_route_that_is_longer_whatever_is_sent_becomes_the_base() {
        let mut queue = QueueingDelay::default();
        run(&mut queue, 0, 2_000, &[50]);
        run_under(OVERFLOWS, &mut queue, (2_000, 2_000), &[350]);
        // A tenth of what gets out: 3,100 ms take 3,444 ms.
        let little = Load {
            sent: 0.06e6,
            ..OVERFLOWS
        };
        run_under(little, &mut queue, (4_000, 3_300), &[350]);
        assert!(queue.is_proven());
        run_under(little, &mut queue, (7_300, 500), &[350]);
        assert!(!queue.is_proven(), "{}", queue.millis());
    }
}
