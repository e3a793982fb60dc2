//! Reading bits, highest first.

/// What is left to be read.
#[derive(Clone, Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits read so far.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32, as a number.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let is_set = byte << (self.at % 8) & 0x80 != 0;
        self.at += 1;
        Some(is_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_span_bytes() {
        let mut bits = Bits::new(&[0b1010_0101, 0b1100_0000]);
        assert_eq!(bits.take(0), Some(0));
        assert_eq!(bits.flag(), Some(true));
        assert_eq!(bits.take(9), Some(0b0_1001_0111));
        assert_eq!(bits.take(7), None);
    }
}
