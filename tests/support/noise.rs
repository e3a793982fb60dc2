//! Bytes that look random and are the same in every run.

use flumen_sim::Draw;

/// A generator of noise, which draws numbers as most do without care: by remainders.
#[derive(Clone, Debug)]
pub struct Noise(flumen_sim::Noise);

impl Noise {
    /// Noise of its own for each `seed`.
    pub fn new(seed: u64) -> Self {
        Self(flumen_sim::Noise::new(seed))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// Up to `max` bytes.
    pub fn bytes(&mut self, max: u64) -> Vec<u8> {
        let len = self.below(max + 1);
        (0..len).map(|_| self.bits() as u8).collect()
    }
}

impl Draw for Noise {
    fn below(&mut self, end: u64) -> u64 {
        Self::below(self, end)
    }
}
