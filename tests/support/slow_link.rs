//! A link that takes time, loses and reorders, the same way in every run.

use std::collections::BTreeMap;
use std::time::Duration;

use flumen::Time;

use crate::noise::Noise;

/// What a link does to datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Of a thousand datagrams, so many are lost.
    pub lost_per_mille: u64,
    /// How long a datagram takes at least, one way.
    pub delay: Duration,
    /// How much longer it may take; those behind it then overtake it.
    pub jitter: Duration,
}

impl Quality {
    /// Ten milliseconds there and ten back, and nothing else.
    pub const GOOD: Self = Self {
        lost_per_mille: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };
}

/// Both directions of a link.
///
/// What becomes of a datagram is decided by seed, direction and how many went before it, and not
/// by its content: checksums and tags differ from run to run.
#[derive(Debug)]
pub struct SlowLink {
    quality: Quality,
    seed: u64,
    sent: [u64; 2],
    flying: BTreeMap<(Time, u64), (usize, Vec<u8>)>,
}

impl SlowLink {
    /// A link of `quality`; `seed` chooses what is lost and delayed.
    pub fn new(quality: Quality, seed: u64) -> Self {
        Self {
            quality,
            seed,
            sent: [0; 2],
            flying: BTreeMap::new(),
        }
    }

    /// Changes what the link does from here on.
    pub fn set_quality(&mut self, quality: Quality) {
        self.quality = quality;
    }

    /// Sends a datagram towards end `to` (0 or 1).
    pub fn send(&mut self, now: Time, to: usize, datagram: &[u8]) {
        let index = self.sent[to];
        self.sent[to] += 1;
        let mut noise = Noise::new(self.seed ^ (index << 1 | to as u64) << 20);
        let is_lost = noise.below(1_000) < self.quality.lost_per_mille;
        let jitter = self.quality.jitter.as_nanos() as u64;
        let delay = self.quality.delay + Duration::from_nanos(noise.below(jitter + 1));
        if !is_lost {
            let order = self.sent[0] + self.sent[1];
            let flight = (to, datagram.to_vec());
            self.flying.insert((now + delay, order), flight);
        }
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Time> {
        self.flying.keys().next().map(|(at, _)| *at)
    }

    /// The next datagram that has arrived by `now`, and at which end.
    pub fn arrival(&mut self, now: Time) -> Option<(usize, Vec<u8>)> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
