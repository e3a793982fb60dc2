//! A link at work: when each datagram comes out of it, if it does.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::Time;

use crate::draw::Draw;
use crate::link::{Link, Loss, Queue};
use crate::noise::Noise;

/// What became of the datagrams that were sent in one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// Datagrams that were sent.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Of these: lost on the way.
    pub lost: u64,
    /// Of these: found the queue full.
    pub overflowed: u64,
    /// Of these: sent while the link was cut.
    pub cut: u64,
    /// Of these: held back, and overtaken.
    pub reordered: u64,
    /// Of these: arrived twice.
    pub duplicated: u64,
}

/// What becomes of a datagram that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes out of the link.
    Arrives {
        /// When.
        at: Time,
        /// And when once more, if the link doubles it.
        again: Option<Time>,
    },
    /// It is lost on the way.
    Lost,
    /// It finds the queue full.
    Overflowed,
    /// It is sent while the link is cut.
    Cut,
}

impl Fate {
    /// When it comes out: never, once or twice.
    pub fn arrivals(self) -> impl Iterator<Item = Time> {
        let both = match self {
            Self::Arrives { at, again } => [Some(at), again],
            Self::Lost | Self::Overflowed | Self::Cut => [None; 2],
        };
        both.into_iter().flatten()
    }

    /// It comes out twice.
    pub fn is_double(self) -> bool {
        matches!(self, Self::Arrives { again: Some(_), .. })
    }
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub(crate) struct Direction<D = Noise> {
    pub(crate) link: Link,
    pub(crate) is_cut: bool,
    pub(crate) crossing: Crossing,
    draw: D,
    is_bad: bool,
    /// When the last datagram has left the queue.
    free: Time,
    /// When each that waits will have left, and its bytes.
    waiting: VecDeque<(Time, usize)>,
    waiting_bytes: usize,
    /// When the last one that nothing overtakes comes out.
    last: Time,
}

impl<D: Draw> Direction<D> {
    pub(crate) fn new(link: Link, draw: D) -> Self {
        Self {
            link,
            is_cut: false,
            crossing: Crossing::default(),
            draw,
            is_bad: false,
            free: Time::ZERO,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            last: Time::ZERO,
        }
    }

    /// Sends a datagram of `len` bytes at `now`.
    pub(crate) fn send(&mut self, now: Time, len: usize) -> Fate {
        self.crossing.sent += 1;
        self.crossing.sent_bytes += len as u64;
        if self.is_cut {
            self.crossing.cut += 1;
            return Fate::Cut;
        }
        let Some(left) = self.queue(now, len) else {
            self.crossing.overflowed += 1;
            return Fate::Overflowed;
        };
        if self.loses() {
            self.crossing.lost += 1;
            return Fate::Lost;
        }
        let at = self.arrival(left);
        let is_double = self.draw.happens(self.link.duplicated_ppm);
        self.crossing.duplicated += u64::from(is_double);
        let again = is_double.then(|| self.arrival(left));
        Fate::Arrives { at, again }
    }

    /// How long what is sent at `now` waits for its turn.
    pub(crate) fn wait(&self, now: Time) -> Duration {
        self.free - now
    }

    /// When it has left the queue; `None` when that is full.
    fn queue(&mut self, now: Time, len: usize) -> Option<Time> {
        let Some(rate) = self.link.rate else {
            return Some(now);
        };
        while let Some(&(_, bytes)) = self.waiting.front().filter(|(left, _)| *left <= now) {
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
        }
        let fits = match self.link.queue {
            Queue::Packets(packets) => self.waiting.len() < packets.max(1),
            Queue::Bytes(bytes) => self.waiting.is_empty() || self.waiting_bytes + len <= bytes,
            Queue::Delay(delay) => self.wait(now) <= delay,
        };
        if !fits {
            return None;
        }
        let nanos = len as u128 * 8_000_000_000 / u128::from(rate.max(1));
        self.free = self.free.max(now) + Duration::from_nanos(nanos as u64);
        self.waiting.push_back((self.free, len));
        self.waiting_bytes += len;
        Some(self.free)
    }

    fn loses(&mut self) -> bool {
        match self.link.loss {
            Loss::None => false,
            Loss::Independent { ppm } => self.draw.happens(ppm),
            Loss::GilbertElliott {
                worsens_ppm,
                recovers_ppm,
                good_ppm,
                bad_ppm,
            } => {
                let changes = if self.is_bad {
                    recovers_ppm
                } else {
                    worsens_ppm
                };
                self.is_bad ^= self.draw.happens(changes);
                self.draw
                    .happens(if self.is_bad { bad_ppm } else { good_ppm })
            }
        }
    }

    fn arrival(&mut self, left: Time) -> Time {
        let jitter = self.link.jitter.as_nanos() as u64;
        let late = Duration::from_nanos(self.draw.below(jitter + 1));
        let mut at = left + self.link.latency + late;
        if !self.link.jitter_reorders {
            // One that is held back overtakes none itself, however soon it would have come.
            at = at.max(self.last);
        }
        if self.draw.happens(self.link.reordered_ppm) {
            self.crossing.reordered += 1;
            return at + self.link.reordering_span;
        }
        self.last = at;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Arrivals = [Option<Time>; 2];

    const MS: Duration = Duration::from_millis(1);

    /// When each of so many datagrams comes out that are sent a millisecond apart.
    fn run(link: Link, count: u64) -> (Vec<Arrivals>, Direction) {
        let mut direction = Direction::new(link, Noise::new(1));
        let send = |at| {
            let mut arrivals = direction.send(Time::from_millis(at), 1_000).arrivals();
            [arrivals.next(), arrivals.next()]
        };
        let arrivals = (0..count).map(send).collect();
        (arrivals, direction)
    }

    #[test]
    fn latency_and_rate_add_up() {
        let link = Link::new().latency(10 * MS).rate(4_000_000);
        let (arrivals, _) = run(link, 3);
        // 1,000 bytes take 2 ms, and one is sent each millisecond.
        let expected = [12, 14, 16].map(|at| [Some(Time::from_millis(at)), None]);
        assert_eq!(arrivals, expected);
    }

    #[test]
    fn a_queue_holds_what_it_is_told_to() {
        let slow = Link::new().rate(80_000);
        for (queue, waits) in [
            (Queue::Packets(5), 5),
            (Queue::Bytes(5_500), 5),
            (Queue::Delay(400 * MS), 5),
        ] {
            let (arrivals, direction) = run(slow.queue(queue), 20);
            let passed = arrivals.iter().filter(|at| at[0].is_some()).count();
            assert_eq!(passed, waits, "{queue:?}");
            assert_eq!(direction.crossing.overflowed, 20 - waits as u64);
        }
    }

    #[test]
    fn bursts_lose_as_much_as_they_are_told_to_and_in_bursts() {
        let (arrivals, direction) = run(Link::new().loss(Loss::bursts(5, 4)), 100_000);
        let lost = direction.crossing.lost;
        assert!((4_500..5_500).contains(&lost), "{lost}");
        let is_lost = |at: &Arrivals| at[0].is_none();
        let bursts = arrivals
            .windows(2)
            .filter(|pair| !is_lost(&pair[0]) && is_lost(&pair[1]));
        let length = lost * 100 / bursts.count() as u64;
        assert!((350..450).contains(&length), "{length}");
    }

    #[test]
    fn jitter_reorders_nothing_unless_it_is_told_to() {
        let (arrivals, _) = run(Link::new().jitter(20 * MS), 1_000);
        assert!(arrivals.is_sorted_by_key(|at| at[0]));
        let (arrivals, _) = run(Link::new().reordering_jitter(20 * MS), 1_000);
        assert!(!arrivals.is_sorted_by_key(|at| at[0]));
        let (arrivals, direction) = run(Link::new().reordering(100_000, 5 * MS), 1_000);
        assert!(!arrivals.is_sorted_by_key(|at| at[0]));
        assert!((70..130).contains(&direction.crossing.reordered));
    }

    #[test]
    fn who_is_held_back_overtakes_nobody() {
        let link = Link::new().jitter(50 * MS).reordering(100_000, 5 * MS);
        let (arrivals, direction) = run(link, 1_000);
        let mut newest = Time::ZERO;
        let mut overtaken = 0;
        for at in arrivals.iter().filter_map(|at| at[0]).rev() {
            // From the last one back: who comes behind one that was sent later was held back.
            overtaken += u64::from(newest > Time::ZERO && at > newest);
            newest = if newest == Time::ZERO {
                at
            } else {
                newest.min(at)
            };
        }
        assert!(
            (1..=direction.crossing.reordered).contains(&overtaken),
            "{overtaken}"
        );
    }

    #[test]
    fn some_arrive_twice() {
        let (arrivals, direction) = run(Link::new().duplication(100_000), 1_000);
        let twice = arrivals.iter().filter(|at| at[1].is_some()).count() as u64;
        assert_eq!(twice, direction.crossing.duplicated);
        assert!((70..130).contains(&twice));
    }
}
