//! DATA that has arrived and must wait at the gate.

use std::collections::BTreeMap;

use flumen_wire::sctp::Chunk;

/// Chunks that are not the library's yet, by their sequence numbers.
///
/// What finds no room is left to be sent again: it has not been acknowledged.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Flags and values, by number.
    chunks: BTreeMap<u32, (u8, Vec<u8>)>,
    bytes: usize,
}

impl Deferred {
    /// Keeps `chunk`, if it is new and neither as many chunks nor bytes are kept.
    pub(super) fn keep(&mut self, tsn: u32, chunk: &Chunk<'_>, [chunks, bytes]: [usize; 2]) {
        let has_room = self.chunks.len() < chunks && self.bytes + chunk.value.len() <= bytes;
        if has_room && !self.chunks.contains_key(&tsn) {
            self.bytes += chunk.value.len();
            self.chunks.insert(tsn, (chunk.flags, chunk.value.to_vec()));
        }
    }

    /// Hands back all of it, in order.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u8, Vec<u8>)> + use<> {
        self.bytes = 0;
        std::mem::take(&mut self.chunks).into_values()
    }
}

#[cfg(test)]
mod tests {
    use flumen_wire::sctp::kind;

    use super::*;

    #[test]
    fn chunks_come_back_once_in_order_and_within_bounds() {
        let mut deferred = Deferred::default();
        let chunk = |value| Chunk {
            kind: kind::DATA,
            flags: 3,
            value,
            start: 0,
        };
        let rows: [(u32, &[u8]); 5] = [(7, &[1]), (5, &[2]), (7, &[3]), (6, &[4; 9]), (8, &[5])];
        for (at, value) in rows {
            deferred.keep(at, &chunk(value), [3, 10]);
        }
        let kept: Vec<_> = deferred.take().collect();
        assert_eq!(kept, [(3, vec![2]), (3, vec![1]), (3, vec![5])]);
        assert_eq!(deferred.take().count(), 0);
        for at in 0..4 {
            deferred.keep(at, &chunk(&[0]), [3, 10]);
        }
        assert_eq!(deferred.take().count(), 3);
    }
}
