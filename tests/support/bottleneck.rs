//! A path with a bottleneck: a rate, a queue, a delay.

use std::collections::BTreeMap;
use std::time::Duration;

use flumen::Time;

use crate::noise::Noise;

/// What a path to a receiver does to packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bottleneck {
    /// Bits a second.
    pub rate: u64,
    /// How long a packet waits at most before its turn; what would wait longer is lost.
    pub queue: Duration,
    /// How many packets wait at most.
    pub queue_packets: usize,
    /// How long a packet takes behind the bottleneck.
    pub delay: Duration,
    /// How much longer it may take; those behind it then overtake it, unless they keep their order.
    pub jitter: Duration,
    /// Packets arrive in the order in which they were sent.
    pub in_order: bool,
    /// Of a thousand packets, so many are lost whatever is sent.
    pub lost_per_mille: u64,
}

impl Bottleneck {
    /// 50 ms behind a queue of 300 ms, as RFC 8867 has it, and nothing lost on the way.
    pub const fn of(rate: u64) -> Self {
        Self {
            rate,
            queue: Duration::from_millis(300),
            queue_packets: usize::MAX,
            delay: Duration::from_millis(50),
            jitter: Duration::ZERO,
            in_order: false,
            lost_per_mille: 0,
        }
    }
}

/// The packets behind a [`Bottleneck`], each released at its own time.
#[derive(Debug)]
pub struct Narrow<T = Vec<u8>> {
    /// What it does from here on.
    pub is: Bottleneck,
    noise: Noise,
    free: Time,
    /// When each packet that waits will have left.
    waiting: std::collections::VecDeque<Time>,
    flying: BTreeMap<(Time, u64), T>,
    sent: u64,
    latest: Time,
    /// Bytes that came to it, whether they found the queue full or not.
    pub offered: u64,
    /// Packets that found the queue full.
    pub overflowed: u64,
    /// How long each packet waited, in milliseconds.
    pub queued_ms: Vec<u64>,
    /// How long it was, in bytes.
    pub lengths: Vec<usize>,
}

impl<T> Narrow<T> {
    /// An empty path.
    pub fn new(is: Bottleneck, seed: u64) -> Self {
        Self {
            is,
            noise: Noise::new(seed),
            free: Time::ZERO,
            waiting: std::collections::VecDeque::new(),
            flying: BTreeMap::new(),
            sent: 0,
            latest: Time::ZERO,
            offered: 0,
            overflowed: 0,
            queued_ms: Vec::new(),
            lengths: Vec::new(),
        }
    }

    /// Sends a packet of `len` bytes at `now`; false when it finds the queue full.
    pub fn send(&mut self, now: Time, len: usize, packet: T) -> bool {
        while self.waiting.front().is_some_and(|leaves| *leaves <= now) {
            self.waiting.pop_front();
        }
        self.offered += len as u64;
        let wait = self.free - now;
        self.queued_ms.push(wait.as_millis() as u64);
        self.lengths.push(len);
        if wait > self.is.queue || self.waiting.len() >= self.is.queue_packets {
            self.overflowed += 1;
            return false;
        }
        let nanos = len as u64 * 8_000_000_000 / self.is.rate;
        self.free = self.free.max(now) + Duration::from_nanos(nanos);
        self.waiting.push_back(self.free);
        self.sent += 1;
        let jitter = self.is.jitter.as_nanos() as u64;
        let late = Duration::from_nanos(self.noise.below(jitter + 1));
        if self.noise.below(1_000) >= self.is.lost_per_mille {
            let mut arrives = self.free + self.is.delay + late;
            if self.is.in_order {
                arrives = arrives.max(self.latest);
                self.latest = arrives;
            }
            self.flying.insert((arrives, self.sent), packet);
        }
        true
    }

    /// The next packet that has arrived by `now`, and when.
    pub fn arrival(&mut self, now: Time) -> Option<(Time, T)> {
        let first = self.flying.first_entry()?;
        let at = first.key().0;
        (at <= now).then(|| (at, first.remove()))
    }
}
