//! Random numbers that a seed decides.

use std::ops::RangeInclusive;

use flumen_wire::state::{Malformed, Reader, State, Writer};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use zeroize::Zeroize;

/// A cryptographic generator of random numbers: ChaCha12 at some place of one of its streams. It is
/// small, as many wait for their next draw, and computes the numbers anew for each.
#[derive(Clone)]
pub struct Generator {
    seed: [u8; 32],
    stream: u64,
    /// Words of 32 bits that were drawn.
    drawn: u128,
}

/// Its key among the rest.
impl<C> State<C> for Generator {
    fn save(&self, out: &mut Writer<C>) {
        out.raw(&self.seed);
        self.stream.save(out);
        self.drawn.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (seed, stream, drawn) = State::load(from)?;
        Ok(Self {
            seed,
            stream,
            drawn,
        })
    }
}

impl Generator {
    /// ChaCha12 keyed with `seed`; `stream` chooses one of its streams of numbers.
    pub fn new(seed: [u8; 32], stream: u64) -> Self {
        Self {
            seed,
            stream,
            drawn: 0,
        }
    }

    /// 128 random bits.
    pub fn bits(&mut self) -> u128 {
        self.draw(|rng| u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
    }

    /// A number of `range`, evenly distributed to within one part in four billion.
    pub fn within(&mut self, range: RangeInclusive<u32>) -> u32 {
        self.draw(|rng| within(rng, &range))
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.draw(|rng| rng.fill_bytes(bytes));
    }

    /// `length` random lower-case letters and digits.
    pub fn text(&mut self, length: usize) -> String {
        const SYMBOLS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        self.draw(|rng| {
            (0..length)
                .map(|_| char::from(SYMBOLS[within(rng, &(0..=35)) as usize]))
                .collect()
        })
    }

    fn draw<T>(&mut self, draw: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
        let mut rng = ChaCha12Rng::from_seed(self.seed);
        rng.set_stream(self.stream);
        rng.set_word_pos(self.drawn);
        let drawn = draw(&mut rng);
        self.drawn = rng.get_word_pos();
        drawn
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

fn within(rng: &mut ChaCha12Rng, range: &RangeInclusive<u32>) -> u32 {
    let span = u64::from(range.end() - range.start()) + 1;
    range.start() + (((rng.next_u64() >> 32) * span) >> 32) as u32
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

    #[test]
    fn draws_follow_one_another_in_the_stream() {
        let mut rng = ChaCha12Rng::from_seed([1; 32]);
        rng.set_stream(7);
        let mut generator = Generator::new([1; 32], 7);
        for _ in 0..100 {
            assert_eq!(
                generator.within(0..=u32::MAX),
                (rng.next_u64() >> 32) as u32
            );
        }
    }
}
