//! Randomness: every entity draws from a generator of its own.

use bevy_ecs::component::Component;
use bevy_ecs::resource::Resource;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// The seed of an engine: from the operating system in production, chosen in a simulation.
#[derive(Resource, Clone)]
pub struct Seed(pub [u8; 32]);

/// What a generator is for; each purpose of each entity has its own stream of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The public identifier.
    Id,
    /// SSRCs and initial sequence numbers.
    Rtp,
    /// The RTCP canonical name (RFC 3550 section 6.5.1).
    Cname,
    /// Where in a port range to begin.
    Port,
    /// RTCP: its SSRC and its intervals.
    Rtcp,
    /// SCTP verification tags (RFC 9260 section 5.3.1).
    Sctp,
}

/// The creation sequence of an entity: the explicit key of order, and part of its seed.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Created(pub u64);

/// Counts creations: the next entity gets this number.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct CreationSequence(pub u64);

impl Seed {
    /// The generator of the entity created as number `created`, for `purpose`.
    ///
    /// It is ChaCha12 keyed with the seed; creation number and purpose choose the stream. So one
    /// entity's draws do not move when a stranger is created, closed or busy.
    pub fn generator(&self, created: Created, purpose: Purpose) -> Generator {
        let mut rng = ChaCha12Rng::from_seed(self.0);
        rng.set_stream(created.0 << 8 | purpose as u64);
        Generator(rng)
    }
}

/// A cryptographic generator of random numbers.
#[derive(Clone)]
pub struct Generator(ChaCha12Rng);

impl Generator {
    /// 128 random bits.
    pub fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    /// A number of `range`, evenly distributed to within one part in four billion.
    pub fn within(&mut self, range: std::ops::RangeInclusive<u32>) -> u32 {
        let span = u64::from(range.end() - range.start()) + 1;
        range.start() + (((self.0.next_u64() >> 32) * span) >> 32) as u32
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
    fn a_stranger_shifts_nobodys_draws() {
        let seed = Seed([7; 32]);
        let draw = |created, purpose| seed.generator(Created(created), purpose).bits();
        assert_eq!(draw(1, Purpose::Id), draw(1, Purpose::Id));
        assert_ne!(draw(1, Purpose::Id), draw(2, Purpose::Id));
        assert_ne!(draw(1, Purpose::Id), draw(1, Purpose::Rtp));
    }

    #[test]
    fn draws_stay_within_their_range() {
        let mut generator = Seed([1; 32]).generator(Created(0), Purpose::Rtp);
        for _ in 0..10_000 {
            assert!((1_000..=32_767).contains(&generator.within(1_000..=32_767)));
            generator.within(0..=u32::MAX);
        }
    }
}
