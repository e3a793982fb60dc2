//! Random numbers that a seed decides.

use flumen_wire::state::{Malformed, Reader, State, Writer};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::Zeroize;

/// A cryptographic generator of random numbers.
#[derive(Clone)]
pub struct Generator(ChaCha12Rng);

/// Its key among the rest.
impl<C> State<C> for Generator {
    fn save(&self, out: &mut Writer<C>) {
        let mut seed = self.0.get_seed();
        out.raw(&seed);
        seed.zeroize();
        self.0.get_stream().save(out);
        self.0.get_word_pos().save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (seed, stream, position) = State::load(from)?;
        let mut generator = Self::new(seed, stream);
        generator.0.set_word_pos(position);
        Ok(generator)
    }
}

impl Generator {
    /// ChaCha12 keyed with `seed`; `stream` chooses one of its streams of numbers.
    pub fn new(seed: [u8; 32], stream: u64) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 128 random bits.
    pub fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    /// A number of `range`, evenly distributed to within one part in four billion.
    pub fn within(&mut self, range: std::ops::RangeInclusive<u32>) -> u32 {
        let span = u64::from(range.end() - range.start()) + 1;
        range.start() + (((self.0.next_u64() >> 32) * span) >> 32) as u32
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// `length` random lower-case letters and digits.
    pub fn text(&mut self, length: usize) -> String {
        const SYMBOLS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        (0..length)
            .map(|_| char::from(SYMBOLS[self.within(0..=35) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_range() {
        let mut generator = Generator::new([1; 32], 0);
        for _ in 0..10_000 {
            assert!((1_000..=32_767).contains(&generator.within(1_000..=32_767)));
            generator.within(0..=u32::MAX);
        }
    }
}
