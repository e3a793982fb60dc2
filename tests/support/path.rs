//! A way with a bottleneck: a rate, a queue, a delay.

use std::time::Duration;

use flumen::Time;
use flumen_sim::{Crossing, Draw, Fate, Link, Way};

use crate::noise::Noise;

/// 50 ms behind a queue of 300 ms, as RFC 8867 has it, and nothing lost on the way.
pub const fn bottleneck(rate: u64) -> Link {
    Link::new().latency(Duration::from_millis(50)).rate(rate)
}

/// A way to receivers, and what its packets met there.
#[derive(Debug)]
pub struct Path<T = Vec<u8>> {
    way: Way<T, EverySecond>,
    /// How long each packet waited, in milliseconds.
    pub queued_ms: Vec<u64>,
    /// How long it was, in bytes.
    pub lengths: Vec<usize>,
}

/// Every second number of noise: what links made of packets when the tables of them were reviewed.
#[derive(Debug)]
struct EverySecond(Noise);

impl Draw for EverySecond {
    fn below(&mut self, end: u64) -> u64 {
        let drawn = self.0.below(end);
        self.0.bits();
        drawn
    }
}

impl<T: Clone> Path<T> {
    /// An empty path.
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            way: Way::drawing_from(link, EverySecond(Noise::new(seed))),
            queued_ms: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// What it does to packets.
    pub fn link(&self) -> Link {
        self.way.link()
    }

    /// Changes what it does from here on.
    pub fn change(&mut self, change: impl FnOnce(Link) -> Link) {
        self.way.set_link(change(self.link()));
    }

    /// Sends a packet of `len` bytes at `now`; false when it finds the queue full.
    pub fn send(&mut self, now: Time, len: usize, packet: T) -> bool {
        let wait = self.way.wait(now);
        self.queued_ms.push(wait.as_millis() as u64);
        self.lengths.push(len);
        self.way.send(now, len, packet) != Fate::Overflowed
    }

    /// The next packet that has arrived by `now`, and when.
    pub fn arrival(&mut self, now: Time) -> Option<(Time, T)> {
        self.way.arrival(now)
    }

    /// What became of all that came to it, whether it found the queue full or not.
    pub fn crossing(&self) -> Crossing {
        self.way.crossing()
    }
}
