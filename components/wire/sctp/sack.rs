//! SACK, RFC 9260 section 3.3.4.

use super::{Chunk, be16, be32, kind};

/// What has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sack<'a> {
    /// The last transmission sequence number before the first gap.
    pub cumulative: u32,
    /// Receive window, in bytes.
    pub window: u32,
    /// Gap blocks: pairs of offsets from `cumulative`, four bytes each.
    pub gaps: &'a [u8],
}

impl<'a> Sack<'a> {
    /// Bytes in front of the gap blocks, without the chunk header.
    pub const FIXED_LEN: usize = 12;

    /// Reads a SACK; `None` if it is another chunk, or shorter than its counts say.
    pub fn of(chunk: &Chunk<'a>) -> Option<Self> {
        if chunk.kind != kind::SACK {
            return None;
        }
        let gaps = 4 * usize::from(be16(chunk.value, 8)?);
        let duplicates = 4 * usize::from(be16(chunk.value, 10)?);
        let lists = chunk.value.get(Self::FIXED_LEN..)?;
        if lists.len() < gaps + duplicates {
            return None;
        }
        Some(Self {
            cumulative: be32(chunk.value, 0)?,
            window: be32(chunk.value, 4)?,
            gaps: &lists[..gaps],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_must_be_true() {
        let mut value = vec![0, 0, 0, 9, 0, 0, 16, 0, 0, 1, 0, 1, 0, 2, 0, 3, 0, 0, 0, 1];
        let sack = |value: &[u8]| {
            let chunk = Chunk {
                kind: kind::SACK,
                flags: 0,
                value,
                start: 12,
            };
            Sack::of(&chunk).map(|sack| (sack.cumulative, sack.window, sack.gaps.to_vec()))
        };
        assert_eq!(sack(&value), Some((9, 4_096, vec![0, 2, 0, 3])));
        value[11] = 2;
        assert_eq!(sack(&value), None, "one duplicate is missing");
        assert_eq!(sack(&value[..11]), None);
    }
}
