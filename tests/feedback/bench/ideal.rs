//! What a pacer would lose that is never early and never late.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::Time;
use flumen_sim::{Link, Way};

/// A pacer that sends each packet when its turn has come, to the nanosecond, however long that takes,
/// and a link behind it.
pub(super) struct Ideal {
    way: Way<()>,
    waiting: VecDeque<usize>,
    next: Time,
}

const STEP: Duration = Duration::from_millis(1);

impl Ideal {
    pub(super) fn new(link: Link) -> Self {
        Self {
            way: Way::new(link, 7),
            waiting: VecDeque::new(),
            next: Time::ZERO,
        }
    }

    /// Packets come at `now`, and a millisecond passes in which `pace` bits a second leave, or all at
    /// once, before a link of `rate`.
    pub(super) fn pass(&mut self, packets: &[usize], now: Time, pace: Option<u64>, rate: u64) {
        self.way.set_link(self.way.link().rate(rate));
        self.waiting.extend(packets);
        self.next = self.next.max(now);
        while self.next < now + STEP
            && let Some(len) = self.waiting.pop_front()
        {
            self.way.send(self.next, len, ());
            let nanos = pace.map_or(0, |pace| len as u64 * 8_000_000_000 / pace);
            self.next += Duration::from_nanos(nanos);
        }
        while self.way.arrival(now).is_some() {}
    }

    /// Packets in ten thousand that found the queue full.
    pub(super) fn lost(&self) -> u64 {
        let crossing = self.way.crossing();
        crossing.overflowed * 10_000 / crossing.sent
    }
}

#[cfg(test)]
mod tests {
    use flumen_sim::Queue;
    use flumen_tests::bottleneck;

    use super::*;

    #[test]
    fn a_burst_is_lost_at_once_and_not_at_the_pace_of_the_link() {
        // A packet of 1,250 bytes takes a millisecond.
        let rate = 10_000_000;
        let link = bottleneck(rate).queue(Queue::Packets(16));
        for (pace, lost) in [(None, 2_000), (Some(2 * rate), 0), (Some(rate), 0)] {
            let mut ideal = Ideal::new(link);
            ideal.pass(&[1_250; 20], Time::ZERO, pace, rate);
            for ms in 1..30 {
                ideal.pass(&[], Time::from_millis(ms), pace, rate);
            }
            assert_eq!(ideal.lost(), lost, "{pace:?}");
        }
    }
}
