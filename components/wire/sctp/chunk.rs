//! Walking the chunks of a packet, RFC 9260 section 3.2.

use super::{CHUNK_HEADER_LEN, HEADER_LEN, be16};

/// One chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its type; see [`kind`](super::kind).
    pub kind: u8,
    /// Its flags, which mean something else for each type.
    pub flags: u8,
    /// What follows its header, without the padding behind it.
    pub value: &'a [u8],
    /// Where it begins, in bytes from the beginning of the packet.
    pub start: usize,
}

impl Chunk<'_> {
    /// Where the next chunk begins, in bytes from the beginning of the packet: chunks are padded
    /// to whole words. Behind the last chunk the padding may be missing.
    pub fn end(&self) -> usize {
        self.start + (CHUNK_HEADER_LEN + self.value.len()).next_multiple_of(4)
    }
}

/// The chunks of `packet`, in order; stops before the first whose length lies.
///
/// [`check`](super::check()) tells whether it came to the end.
pub fn chunks(packet: &[u8]) -> Chunks<'_> {
    Chunks {
        packet,
        at: HEADER_LEN,
    }
}

/// See [`chunks`].
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Chunks<'_> {
    /// Whether nothing is left behind the last chunk.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.packet.len()
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let rest = self.packet.get(self.at..)?;
        let len = usize::from(be16(rest, 2)?);
        let [kind, flags, _, _, value @ ..] = rest.get(..len)? else {
            return None;
        };
        let chunk = Chunk {
            kind: *kind,
            flags: *flags,
            value,
            start: self.at,
        };
        self.at = chunk.end();
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_each_other_on_whole_words() {
        let mut packet = vec![0; HEADER_LEN];
        packet.extend([0, 3, 0, 5, 9, 0, 0, 0, 11, 0, 0, 4, 3, 0, 0, 6, 1, 2]);
        let mut walk = chunks(&packet);
        let seen: Vec<_> = walk
            .by_ref()
            .map(|chunk| (chunk.kind, chunk.value))
            .collect();
        assert_eq!(seen, [(0, &[9][..]), (11, &[]), (3, &[1, 2])]);
        assert!(walk.is_at_end(), "the last padding may be missing");
    }

    #[test]
    fn the_walk_stops_before_a_length_that_lies() {
        for lie in [0, 3, 9, 0xFFFF_u16] {
            let mut packet = vec![0; HEADER_LEN];
            packet.extend([11, 0, 0, 4, 0, 0]);
            packet.extend(lie.to_be_bytes());
            packet.extend([0; 4]);
            let mut walk = chunks(&packet);
            assert_eq!(walk.by_ref().count(), 1, "length {lie}");
            assert!(!walk.is_at_end(), "length {lie}");
        }
    }
}
