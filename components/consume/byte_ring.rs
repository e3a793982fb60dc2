//! Bytes of packets, one behind the other; the oldest are overwritten.

/// A ring of bytes. Positions only ever grow, so whoever remembers one can tell whether its bytes
/// are still there, and nothing has to be told when they are overwritten.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByteRing {
    /// As long as a power of two, so that no packet that fits lies across its end twice.
    bytes: Vec<u8>,
    written: u64,
    /// What is before was overwritten when the ring was shorter.
    floor: u64,
}

crate::snapshot::state! { struct ByteRing { bytes, written, floor } }

/// The first memory that a ring takes, in bytes.
const FIRST: usize = 4 << 10;

impl ByteRing {
    /// Copies `packet` behind what is there and returns its position; `None` when it is longer than
    /// `limit`. The ring doubles, up to `limit` bytes, rather than overwrite what is at `keep`.
    pub(crate) fn push(&mut self, packet: &[u8], keep: Option<u64>, limit: usize) -> Option<u64> {
        let at = loop {
            let at = self.place(packet.len());
            let end = at.map(|at| at + packet.len() as u64);
            let overwrites = |end| keep.is_some_and(|keep| end > keep + self.bytes.len() as u64);
            if end.is_none_or(overwrites) && self.grow(limit) {
                continue;
            }
            break at?;
        };
        let start = self.index(at);
        self.bytes[start..start + packet.len()].copy_from_slice(packet);
        self.written = at + packet.len() as u64;
        Some(at)
    }

    /// The `len` bytes that were pushed as the packet at `at`, unless they were overwritten.
    pub(crate) fn get(&self, at: u64, len: usize) -> Option<&[u8]> {
        if at < self.floor || at + (self.bytes.len() as u64) < self.written {
            return None;
        }
        let start = self.index(at);
        self.bytes.get(start..start + len)
    }

    /// Where a packet would go: in one piece, so perhaps at the start again. None when it does not
    /// fit at all.
    fn place(&self, len: usize) -> Option<u64> {
        let size = self.bytes.len();
        if len > size {
            return None;
        }
        let fits = self.index(self.written) + len <= size;
        match fits {
            true => Some(self.written),
            false => Some(self.written.next_multiple_of(size as u64)),
        }
    }

    fn index(&self, at: u64) -> usize {
        // An empty ring has no index; nothing is at this one.
        (at & (self.bytes.len() as u64).wrapping_sub(1)) as usize
    }

    /// Doubles the ring, unless that would exceed `limit`; what is in it keeps its position.
    fn grow(&mut self, limit: usize) -> bool {
        let old = self.bytes.len();
        let new = match old {
            0 => FIRST.min((limit / 2 + 1).next_power_of_two()),
            _ => 2 * old,
        };
        if new > limit {
            return false;
        }
        let mut grown = vec![0; new];
        // What is there lies in at most two pieces, neither of them across a multiple of `old`.
        self.floor = self.floor.max(self.written.saturating_sub(old as u64));
        let mut at = self.floor;
        while at < self.written {
            let end = (at + 1).next_multiple_of(old as u64).min(self.written);
            let (from, len) = (self.index(at), (end - at) as usize);
            let to = (at % new as u64) as usize;
            grown[to..to + len].copy_from_slice(&self.bytes[from..from + len]);
            at = end;
        }
        self.bytes = grown;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ring_grows_rather_than_overwrite_what_is_to_be_kept() {
        let mut ring = ByteRing::default();
        let packet = [7; 1_000];
        let first = ring.push(&packet, None, 8 << 10).unwrap();
        let mut last = first;
        for _ in 0..6 {
            last = ring.push(&packet, Some(first), 8 << 10).unwrap();
        }
        assert_eq!(
            (ring.bytes.len(), ring.get(first, 1_000)),
            (8 << 10, Some(&packet[..]))
        );
        ring.push(&packet, Some(first), 8 << 10);
        ring.push(&packet, Some(first), 8 << 10);
        assert_eq!(ring.get(first, 1_000), None, "the limit is reached");
        assert_eq!(ring.get(last, 1_000), Some(&packet[..]));
    }

    #[test]
    fn what_need_not_be_kept_is_overwritten() {
        let mut ring = ByteRing::default();
        for _ in 0..1_000 {
            ring.push(&[1; 100], None, 1 << 20);
        }
        assert_eq!(ring.bytes.len(), FIRST);
    }

    #[test]
    fn a_limit_need_not_be_a_power_of_two_and_is_never_exceeded() {
        let mut ring = ByteRing::default();
        assert_eq!(ring.push(&[0; 3_000], None, 3_000), None);
        assert!(ring.push(&[0; 2_048], None, 3_000).is_some());
        assert_eq!(ring.bytes.len(), 2_048);
        assert_eq!(ByteRing::default().push(&[0; 1], None, 0), None);
    }

    proptest! {
        #[test]
        fn what_is_there_is_what_was_pushed(
            lens in prop::collection::vec(0..700_usize, 1..200),
            kept in 1..40_usize,
        ) {
            let mut ring = ByteRing::default();
            let mut pushed: Vec<(u64, Vec<u8>)> = Vec::new();
            for (index, len) in lens.into_iter().enumerate() {
                let packet = vec![index as u8; len];
                let oldest = (pushed.len() + 1).saturating_sub(kept);
                let keep = pushed.get(oldest).map(|(at, _)| *at);
                let at = ring.push(&packet, keep, 64 << 10).unwrap();
                pushed.push((at, packet));
                for (at, packet) in &pushed[pushed.len().saturating_sub(kept)..] {
                    prop_assert_eq!(ring.get(*at, packet.len()), Some(&packet[..]));
                }
                for (at, packet) in &pushed {
                    let got = ring.get(*at, packet.len());
                    prop_assert!(got.is_none_or(|got| got == packet));
                }
            }
        }
    }
}
