//! Numbers that look random, and are the same for the same seed on every machine.

use crate::draw::Draw;

/// A generator of numbers (splitmix64): integers alone, so that no platform rounds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise(u64);

impl Noise {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The numbers of `seed` that belong to one use of them: what `who` draws for one `purpose`
    /// shifts nobody else's.
    pub fn of(seed: u64, who: u64, purpose: u64) -> Self {
        let mut noise = Self(seed);
        for part in [who, purpose] {
            noise.0 = noise.bits() ^ part.wrapping_mul(0xd605_bbb5_8c8a_bbfd);
        }
        noise
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.bits()) * u128::from(end);
        (product >> 64) as u64
    }

    /// Whether something happens that does so `parts` times in a million.
    pub fn happens(&mut self, parts: u32) -> bool {
        Draw::happens(self, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_of_one_seed_draw_apart() {
        let mut first = Noise::of(1, 2, 3);
        assert_eq!(first, Noise::of(1, 2, 3));
        let drawn = first.bits();
        for (seed, who, purpose) in [(2, 2, 3), (1, 3, 3), (1, 2, 4), (1, 3, 2)] {
            assert_ne!(Noise::of(seed, who, purpose).bits(), drawn);
        }
    }

    #[test]
    fn what_happens_so_often_does() {
        let mut noise = Noise::new(5);
        let happened = (0..100_000).filter(|_| noise.happens(50_000)).count();
        assert!((4_800..5_200).contains(&happened), "{happened}");
        assert!(!noise.happens(0) && noise.happens(1_000_000));
    }
}
