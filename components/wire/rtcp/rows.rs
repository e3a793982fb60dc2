//! Lists of equal-sized entries inside RTCP packets.

use std::marker::PhantomData;
use std::slice::ChunksExact;

use super::be32;

/// One entry of a list.
pub trait Row: Sized {
    /// Its length in bytes.
    const LEN: usize;

    /// Reads it from `row`, which has that length.
    fn read(row: &[u8]) -> Option<Self>;
}

/// The entries of a list, in order.
#[derive(Clone, Debug)]
pub struct Rows<'a, T> {
    rows: ChunksExact<'a, u8>,
    row: PhantomData<T>,
}

impl<'a, T: Row> Rows<'a, T> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rows: bytes.chunks_exact(T::LEN),
            row: PhantomData,
        }
    }
}

impl<T: Row> Iterator for Rows<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        T::read(self.rows.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl<T: Row> ExactSizeIterator for Rows<'_, T> {}

/// An SSRC.
impl Row for u32 {
    const LEN: usize = 4;

    fn read(row: &[u8]) -> Option<Self> {
        be32(row, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_order() {
        let rows = Rows::<u32>::new(&[0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.collect::<Vec<_>>(), [1, 2]);
    }
}
