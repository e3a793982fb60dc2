//! What is left to chance.

use crate::noise::Noise;

/// Where numbers are drawn from.
pub trait Draw {
    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: u64) -> u64;

    /// Whether something happens that does so `parts` times in a million.
    fn happens(&mut self, parts: u32) -> bool {
        parts > 0 && self.below(1_000_000) < u64::from(parts)
    }
}

impl Draw for Noise {
    fn below(&mut self, end: u64) -> u64 {
        Self::below(self, end)
    }
}
