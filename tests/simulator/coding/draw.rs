//! What is left to chance.

use crate::noise::Noise;

/// Where numbers are drawn from.
pub trait Draw {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64;
}

impl Draw for Noise {
    fn below(&mut self, end: u64) -> u64 {
        Self::below(self, end)
    }
}
