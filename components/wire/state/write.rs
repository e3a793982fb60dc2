//! Where state is saved to.

use zeroize::{Zeroize, Zeroizing};

/// Bytes of state. They are wiped when they are dropped, and wherever they were before they needed
/// more room: there may be keys among them.
pub struct Writer<C> {
    bytes: Zeroizing<Vec<u8>>,
    /// What names things outside of what is saved.
    pub context: C,
}

impl<C> Writer<C> {
    /// An empty one.
    pub fn new(context: C) -> Self {
        Self {
            bytes: Zeroizing::default(),
            context,
        }
    }

    /// What was saved.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was saved, and the context.
    pub fn into_parts(self) -> (Zeroizing<Vec<u8>>, C) {
        (self.bytes, self.context)
    }

    /// Appends a byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.make_room(1);
        self.bytes.push(byte);
    }

    /// Appends bytes, without their number.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a number, seven bits a byte, the lowest first.
    #[inline]
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    #[inline]
    fn make_room(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.grow(more);
        }
    }

    /// A vector that grows by itself leaves what it held where it was.
    #[cold]
    fn grow(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        let mut larger = Vec::with_capacity(needed.max(2 * self.bytes.capacity()).max(1_024));
        larger.extend_from_slice(&self.bytes);
        std::mem::replace(&mut *self.bytes, larger).zeroize();
    }
}
