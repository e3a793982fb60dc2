//! Bytes of packets, one behind the other, in pieces of memory that never move.

use std::collections::VecDeque;

use crate::wire::state::{Malformed, Reader, State, Writer};

/// The latest packets that were written to it, each in one piece. A piece of which nothing is needed
/// any more is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByteLog {
    /// Those in use, the oldest first, then those that wait to be used again.
    pieces: VecDeque<Piece>,
    used: usize,
    /// The number of the oldest piece; wraps.
    first: u32,
    /// Bytes of memory that all of them take.
    taken: usize,
}

#[derive(Clone, Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// How many it may hold.
    size: usize,
}

/// Where a packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    piece: u32,
    start: u16,
    len: u16,
}

crate::snapshot::state! { struct Spot { piece, start, len } }

/// How much memory a log takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogBounds {
    /// The bytes of a piece, or of a packet that is longer.
    pub(crate) piece: usize,
    /// The bytes of all pieces.
    pub(crate) all: usize,
}

/// No packet is longer, and no piece.
const LEN_MAX: usize = u16::MAX as usize;

impl ByteLog {
    /// Copies `packet` behind what is there; `None` when it is longer than all that may be kept.
    /// When no more pieces may be taken, the oldest one is overwritten.
    pub(crate) fn push(&mut self, packet: &[u8], bounds: LogBounds) -> Option<Spot> {
        if packet.len() > bounds.all.min(LEN_MAX) {
            return None;
        }
        if !self.has_room(packet.len()) {
            self.begin_piece(packet.len(), bounds);
        }
        let piece = self.first.wrapping_add(self.used as u32 - 1);
        let Piece { bytes, size } = &mut self.pieces[self.used - 1];
        bytes.reserve_exact(*size - bytes.len());
        let (start, len) = (bytes.len() as u16, packet.len() as u16);
        bytes.extend_from_slice(packet);
        Some(Spot { piece, start, len })
    }

    /// The packet at `spot`, unless it was overwritten.
    pub(crate) fn get(&self, spot: Spot) -> Option<&[u8]> {
        let at = spot.piece.wrapping_sub(self.first) as usize;
        let piece = self.pieces.get(at).filter(|_| at < self.used)?;
        let start = usize::from(spot.start);
        piece.bytes.get(start..start + usize::from(spot.len))
    }

    /// Nothing is needed any more of the pieces before that of `spot`.
    pub(crate) fn release_before(&mut self, spot: Spot) {
        let behind = spot.piece.wrapping_sub(self.first) as usize;
        // What was overwritten is before all pieces.
        if behind < self.used {
            (0..behind).for_each(|_| self.release());
        }
    }

    /// Nothing is needed any more.
    pub(crate) fn clear(&mut self) {
        while self.used > 0 {
            self.release();
        }
    }

    /// It takes memory.
    pub(crate) fn is_used(&self) -> bool {
        !self.pieces.is_empty()
    }

    fn has_room(&self, len: usize) -> bool {
        let last = self.used.checked_sub(1).map(|last| &self.pieces[last]);
        last.is_some_and(|piece| piece.bytes.len() + len <= piece.size)
    }

    fn begin_piece(&mut self, len: usize, bounds: LogBounds) {
        let size = bounds.piece.min(bounds.all).min(LEN_MAX).max(len);
        loop {
            match self.pieces.get(self.used) {
                Some(waiting) if waiting.size >= len => break,
                Some(_) => self.give_back(self.used),
                None if self.taken + size <= bounds.all => self.take(size),
                None => self.release(),
            }
        }
        self.used += 1;
    }

    fn take(&mut self, size: usize) {
        let bytes = Vec::with_capacity(size);
        self.pieces.push_back(Piece { bytes, size });
        self.taken += size;
    }

    fn give_back(&mut self, at: usize) {
        if let Some(piece) = self.pieces.remove(at) {
            self.taken -= piece.size;
        }
    }

    /// The oldest piece waits to be used again.
    fn release(&mut self) {
        if let Some(mut piece) = self.pieces.pop_front() {
            piece.bytes.clear();
            self.pieces.push_back(piece);
            self.used -= 1;
            self.first = self.first.wrapping_add(1);
        }
    }
}

impl<C> State<C> for Piece {
    fn save(&self, out: &mut Writer<C>) {
        self.size.save(out);
        self.bytes.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (size, bytes): (_, Vec<u8>) = State::load(from)?;
        let is_whole = (bytes.len()..=LEN_MAX).contains(&size);
        is_whole.then_some(Self { bytes, size }).ok_or(Malformed)
    }
}

impl<C> State<C> for ByteLog {
    fn save(&self, out: &mut Writer<C>) {
        (self.first, self.used).save(out);
        self.pieces.save(out);
    }

    fn load(from: &mut Reader<'_, C>) -> Result<Self, Malformed> {
        let (first, used): (u32, usize) = State::load(from)?;
        let pieces: VecDeque<Piece> = State::load(from)?;
        if used > pieces.len() {
            return Err(Malformed);
        }
        let taken = pieces.iter().map(|piece| piece.size).sum();
        Ok(Self {
            pieces,
            used,
            first,
            taken,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: LogBounds = LogBounds {
        piece: 1_000,
        all: 5_000,
    };

    #[test]
    fn the_oldest_piece_is_overwritten_when_no_more_may_be_taken() {
        let mut log = ByteLog::default();
        let spots: Vec<_> = (0..12)
            .map(|value| log.push(&[value; 400], BOUNDS).unwrap())
            .collect();
        let found = spots.iter().map(|&spot| log.get(spot).map(|it| it[0]));
        let expected = [None, None].into_iter().chain((2..12).map(Some));
        assert!(found.eq(expected));
        assert_eq!((log.taken, log.pieces.len()), (5_000, 5));
    }

    #[test]
    fn what_is_needed_no_more_is_used_again() {
        let mut log = ByteLog::default();
        for _ in 0..1_000 {
            let spot = log.push(&[1; 700], BOUNDS).unwrap();
            log.release_before(spot);
        }
        assert_eq!(log.taken, 2_000);
        log.clear();
        assert!(log.is_used() && log.taken == 2_000);
    }

    #[test]
    fn a_packet_longer_than_a_piece_has_one_for_itself() {
        let mut log = ByteLog::default();
        log.push(&[1; 10], BOUNDS).unwrap();
        let long = log.push(&[2; 3_500], BOUNDS).unwrap();
        assert_eq!(log.get(long), Some(&[2; 3_500][..]));
        assert_eq!(log.taken, 4_500);
        assert!(log.push(&[3; 4_800], BOUNDS).is_some());
        assert_eq!(log.get(long), None);
        assert!(log.taken <= 5_000);
        assert_eq!(log.push(&[4; 5_001], BOUNDS), None);
    }

    proptest! {
        #[test]
        fn what_is_there_is_what_was_pushed(
            lens in prop::collection::vec(0..1_300_usize, 1..200),
            kept in 1..10_usize,
        ) {
            let mut log = ByteLog::default();
            let mut pushed: Vec<(Spot, Vec<u8>)> = Vec::new();
            let bounds = LogBounds { all: 30_000, ..BOUNDS };
            for (index, len) in lens.into_iter().enumerate() {
                let packet = vec![index as u8; len];
                if let Some((spot, _)) = pushed.get((pushed.len() + 1).saturating_sub(kept)) {
                    log.release_before(*spot);
                }
                pushed.push((log.push(&packet, bounds).unwrap(), packet));
                for (spot, packet) in &pushed[pushed.len().saturating_sub(kept)..] {
                    prop_assert_eq!(log.get(*spot), Some(&packet[..]));
                }
                for (spot, packet) in &pushed {
                    prop_assert!(log.get(*spot).is_none_or(|got| got == packet));
                }
                prop_assert!(log.taken <= 30_000);
            }
            let mut out = Writer::new(());
            log.save(&mut out);
            let loaded = ByteLog::load(&mut Reader::new(out.bytes(), ())).unwrap();
            for (spot, _) in &pushed {
                prop_assert_eq!(loaded.get(*spot), log.get(*spot));
            }
            prop_assert_eq!(loaded.taken, log.taken);
        }
    }
}
