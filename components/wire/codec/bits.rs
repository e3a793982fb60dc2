//! Reading and writing bits, highest first.

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
        let end = self.at + count;
        if end > 8 * self.bytes.len() {
            return None;
        }
        let mut value = 0_u64;
        let mut at = self.at - self.at % 8;
        while at < end {
            value = value << 8 | u64::from(self.bytes[at / 8]);
            at += 8;
        }
        let unread = (1_u64 << count) - 1;
        self.at = end;
        Some((value >> (at - end) & unread) as u32)
    }

    /// The next bit.
    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? != 0)
    }

    /// A number below `end`, in as few bits as it takes: `ns(n)` of the AV1 specification, section
    /// 4.10.7.
    pub(super) fn take_below(&mut self, end: u32) -> Option<u32> {
        let width = end.checked_ilog2()? as usize + 1;
        let short = (1 << width) - end;
        let value = self.take(width - 1)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }

    /// How many bits were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes on at this position.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }
}

/// Bits that are written over zeros.
#[derive(Debug)]
pub(super) struct BitWriter<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Appends the lowest `count` bits of `value`, at most 32; `None` when there is no room.
    pub(super) fn put(&mut self, value: u32, count: usize) -> Option<()> {
        if self.at + count > 8 * self.bytes.len() {
            return None;
        }
        let mut left = count;
        while left > 0 {
            let free = 8 - self.at % 8;
            let taken = free.min(left);
            left -= taken;
            let chunk = value >> left & ((1 << taken) - 1);
            self.bytes[self.at / 8] |= (chunk << (free - taken)) as u8;
            self.at += taken;
        }
        Some(())
    }

    /// Appends the bits up to the position `end`.
    pub(super) fn copy(&mut self, bits: &mut Bits<'_>, end: usize) -> Option<()> {
        while bits.position() < end {
            let count = (end - bits.position()).min(32);
            self.put(bits.take(count)?, count)?;
        }
        Some(())
    }

    /// How many bytes were begun.
    pub(super) fn len(&self) -> usize {
        self.at.div_ceil(8)
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
        assert_eq!(Bits::new(&[0xFF; 5]).take(32), Some(u32::MAX));
    }

    #[test]
    fn numbers_below_an_end_take_as_few_bits_as_they_can() {
        // Below 5: 0 to 2 in two bits, 3 and 4 in three.
        let rows = [
            (0b0000_0000, 0),
            (0b1000_0000, 2),
            (0b1100_0000, 3),
            (0b1110_0000, 4),
        ];
        for (byte, expected) in rows {
            assert_eq!(Bits::new(&[byte]).take_below(5), Some(expected));
        }
        assert_eq!(Bits::new(&[]).take_below(1), Some(0));
        assert_eq!(Bits::new(&[0]).take_below(0), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = [0; 7];
        let mut out = BitWriter::new(&mut bytes);
        let rows = [(0b101, 3), (0x1_2345, 17), (1, 1), (u32::MAX, 32)];
        for (value, count) in rows {
            out.put(value, count).expect("there is room");
        }
        assert_eq!(out.len(), 7);
        assert_eq!(out.put(0, 4), None);
        let mut bits = Bits::new(&bytes);
        for (value, count) in rows {
            assert_eq!(bits.take(count), Some(value));
        }
        let mut copy = [0; 7];
        let mut copied = BitWriter::new(&mut copy);
        copied
            .copy(&mut Bits::new(&bytes), 53)
            .expect("there is room");
        assert_eq!(copy, bytes);
    }
}
