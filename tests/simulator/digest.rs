//! A hash of what a run puts out, the same on every machine.

use std::net::{IpAddr, SocketAddr};

/// A running hash of bytes: 64 bits.
///
/// It tells runs apart that differ by accident; it is no proof against who forges one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

/// Odd numbers without a pattern: the fractions of the square roots of 2 and 3.
const KEYS: [u64; 2] = [0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b];

impl Default for Digest {
    fn default() -> Self {
        Self(KEYS[0])
    }
}

impl Digest {
    /// Appends a number.
    pub(crate) fn number(&mut self, number: u64) {
        // What was there is added, as a factor of zero would make everything forgotten.
        let product = u128::from(number ^ KEYS[0]) * u128::from(self.0 ^ KEYS[1]);
        let folded = product as u64 ^ (product >> 64) as u64;
        self.0 = folded.wrapping_add(self.0.rotate_left(23));
    }

    /// Appends bytes, and how many they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words
            .iter()
            .for_each(|word| self.number(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }

    /// Appends an address.
    pub(crate) fn address(&mut self, address: SocketAddr) {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        self.number((ip >> 64) as u64);
        self.number(ip as u64);
        self.number(address.port().into());
    }

    /// The hash of everything until here.
    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> u64 {
        let mut digest = Digest::default();
        parts.iter().for_each(|part| digest.bytes(part));
        digest.finish()
    }

    #[test]
    fn every_bit_and_every_border_shows() {
        let whole = [7; 21];
        let digest = of(&[&whole]);
        assert_ne!(of(&[&whole[..9], &whole[9..]]), digest);
        assert_ne!(of(&[&whole[..20]]), digest);
        for index in 0..whole.len() {
            let mut changed = whole;
            changed[index] ^= 0x10;
            assert_ne!(of(&[&changed]), digest, "{index}");
        }
        assert_ne!(of(&[&[0; 3]]), of(&[&[0; 4]]));
    }
}
