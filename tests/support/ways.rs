//! Both directions of a link between two ends.

use std::time::Duration;

use flumen::Time;
use flumen_sim::{Link, Noise, Way};

/// Ten milliseconds there and ten back, and nothing else.
pub const GOOD: Link = Link::new().latency(Duration::from_millis(10));

/// The ways of datagrams to either end.
#[derive(Debug)]
pub struct Ways([Way<Vec<u8>>; 2]);

impl Ways {
    /// Over `link` in both directions; `seed` chooses what is lost and delayed.
    pub fn new(link: Link, seed: u64) -> Self {
        Self([0, 1].map(|to| Way::drawing_from(link, Noise::of(seed, to, 0))))
    }

    /// Changes what the link does from here on.
    pub fn set_link(&mut self, link: Link) {
        self.0.iter_mut().for_each(|way| way.set_link(link));
    }

    /// Sends a datagram towards end `to` (0 or 1).
    pub fn send(&mut self, now: Time, to: usize, datagram: &[u8]) {
        self.0[to].send(now, datagram.len(), datagram.to_vec());
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Time> {
        self.0.iter().filter_map(Way::next_arrival).min()
    }

    /// A datagram that has arrived by `now`, and at which end: at each in order.
    pub fn arrival(&mut self, now: Time) -> Option<(usize, Vec<u8>)> {
        let mut each = self.0.iter_mut().enumerate();
        each.find_map(|(to, way)| way.arrival(now).map(|(_, datagram)| (to, datagram)))
    }
}
