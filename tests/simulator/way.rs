//! One direction of a link, and what is under way in it.

use std::time::Duration;

use flumen::Time;

use crate::direction::{Crossing, Direction, Fate};
use crate::draw::Draw;
use crate::flights::Flights;
use crate::link::Link;
use crate::noise::Noise;

/// One direction of a [`Link`] at work, for tests without a room: what is sent into it comes out of
/// it later, or does not.
///
/// Those are datagrams, or whatever stands for them: the link goes by their lengths alone. What
/// becomes of each is drawn from the seed and decided by how many went before it, not by its content.
///
/// ```
/// use std::time::Duration;
/// use flumen::Time;
/// use flumen_sim::{Fate, Link, Queue, Way};
///
/// // 1,000 bytes take 8 ms to leave, and two datagrams may wait for that.
/// let link = Link::new()
///     .latency(Duration::from_millis(20))
///     .rate(1_000_000)
///     .queue(Queue::Packets(2));
/// let mut way = Way::new(link, 1);
/// way.send(Time::ZERO, 1_000, "one");
/// way.send(Time::ZERO, 1_000, "two");
/// assert_eq!(way.send(Time::ZERO, 1_000, "three"), Fate::Overflowed);
///
/// assert_eq!(way.next_arrival(), Some(Time::from_millis(28)));
/// assert_eq!(way.arrival(Time::from_millis(27)), None);
/// let later = Time::from_millis(40);
/// assert_eq!(way.arrival(later), Some((Time::from_millis(28), "one")));
/// assert_eq!(way.arrival(later), Some((Time::from_millis(36), "two")));
/// assert_eq!(way.arrival(later), None);
/// ```
#[derive(Clone, Debug)]
pub struct Way<T, D = Noise> {
    direction: Direction<D>,
    flights: Flights<T>,
}

impl<T: Clone> Way<T> {
    /// An empty one; what becomes of things on it is drawn from `seed`.
    pub fn new(link: Link, seed: u64) -> Self {
        Self::drawing_from(link, Noise::new(seed))
    }
}

impl<T: Clone, D: Draw> Way<T, D> {
    /// An empty one that draws from a source of one's own.
    pub fn drawing_from(link: Link, draw: D) -> Self {
        Self {
            direction: Direction::new(link, draw),
            flights: Flights::default(),
        }
    }

    /// Sends a thing of `len` bytes; what becomes of it.
    pub fn send(&mut self, now: Time, len: usize, thing: T) -> Fate {
        let fate = self.direction.send(now, len);
        if let Fate::Arrives { at, again } = fate {
            let double = again.map(|again| (again, thing.clone()));
            self.flights.send(at, thing);
            if let Some((again, thing)) = double {
                self.flights.send(again, thing);
            }
        }
        fate
    }

    /// When the next thing comes out.
    pub fn next_arrival(&self) -> Option<Time> {
        self.flights.next()
    }

    /// The next thing that has come out by `now`, and when it did; of two at one time the first one
    /// sent.
    pub fn arrival(&mut self, now: Time) -> Option<(Time, T)> {
        self.flights.arrival(now)
    }

    /// How long what is sent at `now` waits for its turn, where the link has a rate.
    pub fn wait(&self, now: Time) -> Duration {
        self.direction.wait(now)
    }

    /// What it does to things.
    pub fn link(&self) -> Link {
        self.direction.link
    }

    /// Changes what it does from here on. What is under way stays so.
    pub fn set_link(&mut self, link: Link) {
        self.direction.link = link;
    }

    /// Cuts it, or joins it again: nothing passes in between.
    pub fn set_cut(&mut self, is_cut: bool) {
        self.direction.is_cut = is_cut;
    }

    /// What became of all that was sent.
    pub fn crossing(&self) -> Crossing {
        self.direction.crossing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What comes out of `way`, in order.
    fn drain<D: Draw>(way: &mut Way<u64, D>) -> Vec<u64> {
        let end = Time::from_secs(3_600);
        std::iter::from_fn(|| way.arrival(end).map(|(_, index)| index)).collect()
    }

    #[test]
    fn what_passes_comes_out_when_it_is_told_to() {
        let link = Link::new().reordering_jitter(30 * MS).duplication(100_000);
        let mut way = Way::new(link, 1);
        let mut told: Vec<(Time, u64)> = Vec::new();
        for index in 0..1_000 {
            let fate = way.send(Time::from_millis(index), 100, index);
            told.extend(fate.arrivals().map(|at| (at, index)));
        }
        assert!(told.len() > 1_000 && !told.is_sorted());
        told.sort_by_key(|(at, _)| *at);
        assert_eq!(way.next_arrival(), Some(told[0].0));
        let came = std::iter::from_fn(|| way.arrival(Time::from_secs(60)));
        assert_eq!(came.collect::<Vec<_>>(), told);
    }

    #[test]
    fn nothing_passes_while_it_is_cut() {
        let mut way = Way::new(Link::new(), 1);
        way.set_cut(true);
        assert_eq!(way.send(Time::ZERO, 1, 1), Fate::Cut);
        way.set_cut(false);
        way.send(Time::ZERO, 1, 2);
        assert_eq!(drain(&mut way), [2]);
        assert_eq!(way.crossing().cut, 1);
    }

    #[test]
    fn whoever_draws_decides() {
        struct Zero;
        impl Draw for Zero {
            fn below(&mut self, _: u64) -> u64 {
                0
            }
        }
        let link = Link::new().jitter(30 * MS);
        let mut way = Way::drawing_from(link, Zero);
        let fate = way.send(Time::ZERO, 1, 1);
        let at = Time::ZERO;
        assert_eq!(fate, Fate::Arrives { at, again: None });
        way.set_link(link.loss(crate::Loss::percent(1)));
        assert_eq!(way.send(Time::ZERO, 1, 2), Fate::Lost);
        assert_eq!(drain(&mut way), [1]);
    }
}
