//! A hash of what a run puts out, the same on every machine.

/// A running hash of bytes: 64 bits, the same on any machine and for any way the bytes are cut.
///
/// It tells runs apart that differ by accident; it is no proof against who forges one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    lanes: [u64; 2],
    /// What does not fill a block yet.
    rest: [u8; BLOCK],
    len: u64,
}

const BLOCK: usize = 32;

/// Odd numbers without a pattern: the fractions of the square roots of 2, 3, 5 and 7.
const KEYS: [u64; 4] = [
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
];

impl Default for Digest {
    fn default() -> Self {
        Self {
            lanes: [KEYS[2], KEYS[3]],
            rest: [0; BLOCK],
            len: 0,
        }
    }
}

impl Digest {
    /// Appends bytes. Where one field ends and the next begins is for the caller to write.
    pub fn write(&mut self, mut bytes: &[u8]) {
        let filled = self.len as usize % BLOCK;
        self.len += bytes.len() as u64;
        if filled > 0 {
            let taken = bytes.len().min(BLOCK - filled);
            let (first, behind) = bytes.split_at(taken);
            self.rest[filled..filled + taken].copy_from_slice(first);
            if filled + taken < BLOCK {
                return;
            }
            mix(&mut self.lanes, &self.rest);
            bytes = behind;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            mix(&mut self.lanes, block);
        }
        self.rest[..rest.len()].copy_from_slice(rest);
    }

    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> u64 {
        let mut digest = Self::default();
        digest.write(bytes);
        digest.finish()
    }

    /// Appends four numbers: the same as one after the other, at once where a block begins.
    #[inline]
    pub fn write_block(&mut self, numbers: [u64; 4]) {
        if self.len.is_multiple_of(BLOCK as u64) {
            self.len += BLOCK as u64;
            return mix_words(&mut self.lanes, numbers);
        }
        for number in numbers {
            self.write_u64(number);
        }
    }

    /// Appends a number.
    pub fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    /// The hash of everything until here.
    pub fn finish(&self) -> u64 {
        let mut lanes = self.lanes;
        let mut last = [0; BLOCK];
        let filled = self.len as usize % BLOCK;
        last[..filled].copy_from_slice(&self.rest[..filled]);
        mix(&mut lanes, &last);
        let mixed = fold(lanes[0] ^ self.len, lanes[1] ^ KEYS[0]);
        fold(mixed ^ KEYS[1], lanes[1])
    }
}

/// Two lanes, so that the multiplications of one need not wait for those of the other.
fn mix(lanes: &mut [u64; 2], block: &[u8; BLOCK]) {
    let (words, _) = block.as_chunks::<8>();
    mix_words(lanes, [0, 1, 2, 3].map(|at| u64::from_le_bytes(words[at])));
}

#[inline]
fn mix_words(lanes: &mut [u64; 2], [a, b, c, d]: [u64; 4]) {
    // What was there is added, as a factor of zero would make everything forgotten.
    let step = |lane: u64, one, other| fold(one, other ^ lane).wrapping_add(lane.rotate_left(23));
    lanes[0] = step(lanes[0], a ^ KEYS[0], b);
    lanes[1] = step(lanes[1], c ^ KEYS[1], d);
}

/// Both halves of the product.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_same_on_every_machine() {
        let bytes: Vec<u8> = (0..100).collect();
        assert_eq!(
            [Digest::of(b""), Digest::of(&bytes)],
            [GOLDEN_EMPTY, GOLDEN]
        );
    }

    const GOLDEN_EMPTY: u64 = 0x21a5_9012_fb51_1dbf;
    const GOLDEN: u64 = 0x2948_6380_36dd_95c0;

    proptest! {
        #[test]
        fn the_way_bytes_are_cut_does_not_matter(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..5),
        ) {
            let mut digest = Digest::default();
            let mut from = 0;
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.sort_unstable();
            for cut in cuts {
                digest.write(&bytes[from..cut]);
                from = cut;
            }
            digest.write(&bytes[from..]);
            prop_assert_eq!(digest.finish(), Digest::of(&bytes));
        }

        #[test]
        fn four_numbers_at_once_are_four_numbers(
            before in proptest::collection::vec(any::<u8>(), 0..70),
            numbers in any::<[u64; 4]>(),
        ) {
            let (mut one, mut other) = (Digest::default(), Digest::default());
            one.write(&before);
            other.write(&before);
            one.write_block(numbers);
            numbers.into_iter().for_each(|number| other.write_u64(number));
            prop_assert_eq!(one.finish(), other.finish());
        }

        #[test]
        fn a_changed_bit_and_a_missing_byte_show(
            bytes in proptest::collection::vec(any::<u8>(), 1..200),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            prop_assert_ne!(Digest::of(&changed), Digest::of(&bytes));
            prop_assert_ne!(Digest::of(&bytes[1..]), Digest::of(&bytes));
            prop_assert_ne!(Digest::of(&bytes[..bytes.len() - 1]), Digest::of(&bytes));
        }
    }
}
