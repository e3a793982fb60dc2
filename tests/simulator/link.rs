//! What a link does to the datagrams of one direction.

use std::time::Duration;

/// One direction of a link between a peer and the engine.
///
/// ```
/// use std::time::Duration;
/// use flumen_sim::{Link, Loss, Queue};
///
/// let mobile = Link::new()
///     .latency(Duration::from_millis(40))
///     .jitter(Duration::from_millis(15))
///     .loss(Loss::bursts(2, 4))
///     .rate(1_500_000)
///     .queue(Queue::Bytes(60_000));
/// assert_eq!(mobile.latency, Duration::from_millis(40));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How long a datagram takes at least.
    pub latency: Duration,
    /// How much longer it may take, evenly spread.
    pub jitter: Duration,
    /// What takes longer is overtaken; otherwise everything behind it waits.
    pub jitter_reorders: bool,
    /// What is lost.
    pub loss: Loss,
    /// So many datagrams in a million are held back by [`Self::reordering_span`], and overtaken.
    pub reordered_ppm: u32,
    /// For how long they are held back.
    pub reordering_span: Duration,
    /// So many datagrams in a million arrive twice.
    pub duplicated_ppm: u32,
    /// Bits a second that pass; `None` for no limit.
    pub rate: Option<u64>,
    /// What waits for its turn at most. Without a rate nothing waits.
    pub queue: Queue,
}

/// What a link loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    None,
    /// Every datagram alike, so many in a million.
    Independent {
        /// Parts in a million.
        ppm: u32,
    },
    /// The model of Gilbert and Elliott: a good and a bad state, of which each datagram may begin
    /// the other, and which lose differently. All in parts in a million.
    GilbertElliott {
        /// From good to bad.
        worsens_ppm: u32,
        /// From bad to good.
        recovers_ppm: u32,
        /// What the good state loses.
        good_ppm: u32,
        /// What the bad state loses.
        bad_ppm: u32,
    },
}

impl Loss {
    /// Of a hundred datagrams so many, each alike.
    pub const fn percent(percent: u32) -> Self {
        match percent {
            0 => Self::None,
            1..100 => Self::Independent {
                ppm: percent * 10_000,
            },
            _ => Self::Independent { ppm: 1_000_000 },
        }
    }

    /// Of a hundred datagrams so many, in bursts of `length` on average: a Gilbert-Elliott model
    /// that loses everything in its bad state and nothing in its good one. Bursts are longer where
    /// there would have to be less than one datagram between them.
    pub fn bursts(percent: u32, length: u32) -> Self {
        let percent = percent.min(99);
        let length = length.max(1).max(percent.div_ceil(100 - percent));
        let recovers_ppm = 1_000_000 / length;
        Self::GilbertElliott {
            // In the long run the bad state holds worsens / (worsens + recovers) of the time.
            worsens_ppm: recovers_ppm * percent / (100 - percent),
            recovers_ppm,
            good_ppm: 0,
            bad_ppm: 1_000_000,
        }
    }
}

/// What may wait in front of a link whose rate is used up; more is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// So many datagrams.
    Packets(usize),
    /// So many bytes.
    Bytes(usize),
    /// What the link takes that long to send.
    Delay(Duration),
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// A link without latency, loss or limits.
    pub const fn new() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            jitter_reorders: false,
            loss: Loss::None,
            reordered_ppm: 0,
            reordering_span: Duration::ZERO,
            duplicated_ppm: 0,
            rate: None,
            queue: Queue::Delay(Duration::from_millis(300)),
        }
    }

    /// How long a datagram takes at least.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How much longer it may take. Nothing overtakes what waits so.
    #[must_use]
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self.jitter_reorders = false;
        self
    }

    /// The same, and those behind it may overtake it.
    #[must_use]
    pub const fn reordering_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self.jitter_reorders = true;
        self
    }

    /// What is lost.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Holds back `ppm` datagrams in a million for `span`, so that others overtake them.
    #[must_use]
    pub const fn reordering(mut self, ppm: u32, span: Duration) -> Self {
        self.reordered_ppm = ppm;
        self.reordering_span = span;
        self
    }

    /// Lets `ppm` datagrams in a million arrive twice.
    #[must_use]
    pub const fn duplication(mut self, ppm: u32) -> Self {
        self.duplicated_ppm = ppm;
        self
    }

    /// Bits a second that pass.
    #[must_use]
    pub const fn rate(mut self, bits_per_second: u64) -> Self {
        self.rate = Some(bits_per_second);
        self
    }

    /// What waits for its turn at most.
    #[must_use]
    pub const fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_lose_what_they_are_to_lose() {
        for (percent, length) in [(1, 1), (3, 2), (50, 1), (80, 2), (99, 3)] {
            let Loss::GilbertElliott {
                worsens_ppm,
                recovers_ppm,
                ..
            } = Loss::bursts(percent, length)
            else {
                panic!("{percent} {length}");
            };
            assert!(worsens_ppm <= 1_000_000, "{percent} {length}");
            let lost = f64::from(worsens_ppm) / f64::from(worsens_ppm + recovers_ppm);
            assert!((lost * 100.0 - f64::from(percent)).abs() < 0.1, "{lost}");
        }
    }
}
