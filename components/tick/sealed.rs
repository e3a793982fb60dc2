//! Payloads that were encrypted for one receiver.

/// A byte arena of sealed payloads, which is used again once they have left.
#[derive(Debug, Default)]
pub struct Sealed {
    bytes: Vec<u8>,
    used: usize,
}

impl Sealed {
    /// Space for `len` bytes, and its offset.
    pub(crate) fn reserve(&mut self, len: usize) -> (usize, &mut [u8]) {
        let (start, end) = (self.used, self.used + len);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.used = end;
        (start, &mut self.bytes[start..end])
    }

    /// How many bytes are used.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Gives up what lies at `start` and behind it.
    pub(crate) fn truncate(&mut self, start: usize) {
        self.used = self.used.min(start);
    }
}
