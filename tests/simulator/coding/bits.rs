//! Fields of bits, highest first.

/// Fields that are written one after another.
#[derive(Clone, Debug, Default)]
pub(in crate::coding) struct Fields(Vec<bool>);

impl Fields {
    /// Appends a number of so many bits.
    pub(in crate::coding) fn put(&mut self, value: u32, width: usize) {
        self.0
            .extend((0..width).rev().map(|bit| value >> bit & 1 != 0));
    }

    /// Appends a number below `end`: `ns(n)` of the AV1 specification.
    pub(in crate::coding) fn put_below(&mut self, value: u32, end: u32) {
        let width = 32 - end.leading_zeros();
        let short = (1 << width) - end;
        if value < short {
            self.put(value, width as usize - 1);
        } else {
            self.put(value + short, width as usize);
        }
    }

    /// The bytes, with zeros at the end.
    pub(in crate::coding) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            let bits = bits.iter().enumerate();
            bits.map(|(at, bit)| u8::from(*bit) << (7 - at)).sum()
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// What is left to be read.
pub(in crate::coding) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::coding) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// More was taken than there was.
    pub(in crate::coding) fn is_over(&self) -> bool {
        self.at > 8 * self.bytes.len()
    }

    /// Leaves out so many bits.
    pub(in crate::coding) fn skip(&mut self, width: usize) {
        self.at += width;
    }

    /// A number of so many bits; behind the end all are 0.
    pub(in crate::coding) fn take(&mut self, width: usize) -> u32 {
        (0..width).fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8).unwrap_or(&0);
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }

    /// A number below `end`.
    pub(in crate::coding) fn take_below(&mut self, end: u32) -> u32 {
        let width = 32 - end.leading_zeros();
        let short = (1 << width) - end;
        let value = self.take(width as usize - 1);
        if value < short {
            return value;
        }
        (value << 1 | self.take(1)) - short
    }
}
