//! What is sealed before it is sent, divided among threads.

use bevy_ecs::entity::Entity;
use flumen_components::{Outgoing, Refusal, SrtpSession};

/// The rows of a chunk by transport: what one session seals, one thread seals, in its order.
///
/// Threads get transports in the order of their first rows, so that each has about as many bytes, and
/// write to neighbouring parts of the arena. Rows keep their order. Memory is kept.
#[derive(Default)]
pub(super) struct Division {
    shares: Vec<Share>,
    /// Where the share of a transport is, if it has one, by the index of its entity.
    places: Vec<u32>,
    /// The rows in their order, with their shares.
    rows: Vec<(ShareIndex, Outgoing)>,
    /// Rows that have a share, by share, and what became of them.
    sealed: Vec<Result<Outgoing, Refusal>>,
}

/// Of a transport that is not protected, none.
pub(super) type ShareIndex = Option<u32>;

/// What one transport has to be sealed.
struct Share {
    transport: Entity,
    session: SrtpSession,
    rows: usize,
    bytes: usize,
    /// Where its next row is among `sealed`.
    next: usize,
}

/// Neighbouring shares, for one thread.
pub(super) struct Part<'a> {
    shares: &'a mut [Share],
    rows: &'a mut [Result<Outgoing, Refusal>],
    /// Where it lies in the arena, and it.
    out: (usize, &'a mut [u8]),
}

/// What is not taken by a part yet.
struct Parts<'a> {
    rest: Part<'a>,
    /// Bytes that a part has, if it can.
    bytes: usize,
}

impl Division {
    pub(super) fn clear(&mut self) {
        self.shares.clear();
        self.rows.clear();
    }

    /// The share of a transport. `session` is what seals for it, if anything does: asked for once.
    pub(super) fn share(
        &mut self,
        transport: Entity,
        session: impl FnOnce() -> Option<SrtpSession>,
    ) -> ShareIndex {
        let at = transport.index_u32() as usize;
        let known = self.places.get(at).copied();
        // Of an earlier chunk is what another transport has by now.
        if let Some(index) = known
            && let Some(share) = self.shares.get(index as usize)
            && share.transport == transport
        {
            return known;
        }
        let session = session()?;
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let index = self.shares.len() as u32;
        self.places[at] = index;
        self.shares.push(Share {
            transport,
            session,
            rows: 0,
            bytes: 0,
            next: 0,
        });
        Some(index)
    }

    pub(super) fn push(&mut self, share: ShareIndex, row: Outgoing) {
        self.rows.push((share, row));
        if let Some(index) = share {
            let share = &mut self.shares[index as usize];
            share.rows += 1;
            share.bytes += row.sealed_len_max();
        }
    }

    /// Puts the rows of each share together: how many bytes they need at most.
    pub(super) fn lay_out(&mut self) -> usize {
        let (mut rows, mut bytes) = (0, 0);
        for share in &mut self.shares {
            share.next = rows;
            rows += share.rows;
            bytes += share.bytes;
        }
        self.sealed.resize(rows, Err(Refusal::MalformedPacket));
        for &(share, row) in &self.rows {
            if let Some(index) = share {
                *self.shares[index as usize].next(&mut self.sealed) = Ok(row);
            }
        }
        for share in &mut self.shares {
            share.next -= share.rows;
        }
        bytes
    }

    /// About as many parts as that, which seal into `room`.
    pub(super) fn parts<'a>(
        &'a mut self,
        parts: usize,
        room: &'a mut [u8],
    ) -> impl Iterator<Item = Part<'a>> + Send {
        Parts {
            bytes: room.len().div_ceil(parts),
            rest: Part {
                shares: &mut self.shares,
                rows: &mut self.sealed,
                out: (0, room),
            },
        }
    }

    /// Gives the sessions back.
    pub(super) fn hand_back(&mut self, mut take: impl FnMut(Entity, SrtpSession)) {
        for share in &mut self.shares {
            take(share.transport, std::mem::take(&mut share.session));
        }
    }

    /// What became of the rows, in their order.
    pub(super) fn rows(&mut self) -> impl Iterator<Item = Result<Outgoing, Refusal>> {
        let Self {
            shares,
            rows,
            sealed,
            ..
        } = self;
        rows.iter().map(|&(share, row)| match share {
            None => Ok(row),
            Some(index) => *shares[index as usize].next(sealed),
        })
    }
}

impl Share {
    fn next<'a, T>(&mut self, rows: &'a mut [T]) -> &'a mut T {
        self.next += 1;
        &mut rows[self.next - 1]
    }
}

impl Part<'_> {
    /// Seals each row with the session of its share.
    pub(super) fn seal(self, arenas: (&[u8], &[u8])) {
        let Self {
            shares,
            mut rows,
            out: (mut at, mut out),
        } = self;
        for share in shares {
            for row in rows.split_off_mut(..share.rows).into_iter().flatten() {
                let Ok(clear) = *row else { continue };
                *row = clear.seal(arenas, &mut share.session, (at, out));
                let used = row.map_or(0, |row| row.sealed_len());
                out = &mut std::mem::take(&mut out)[used..];
                at += used;
            }
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let Part { shares, rows, out } = &mut self.rest;
        let (mut taken, mut with_rows, mut with_bytes) = (0, 0, 0);
        while with_bytes < self.bytes
            && let Some(share) = shares.get(taken)
        {
            taken += 1;
            with_rows += share.rows;
            with_bytes += share.bytes;
        }
        let shares = shares
            .split_off_mut(..taken)
            .filter(|taken| !taken.is_empty())?;
        let rows = rows.split_off_mut(..with_rows)?;
        let mine = out.1.split_off_mut(..with_bytes)?;
        let at = out.0;
        out.0 += with_bytes;
        Some(Part {
            shares,
            rows,
            out: (at, mine),
        })
    }
}

#[cfg(test)]
mod tests {
    use bevy_ecs::world::World;

    use super::*;

    /// Divides rows of these lengths for these transports (of which the last is not protected): how
    /// many shares, rows and bytes each part has.
    fn parts(rows: &[(usize, u16)], count: usize) -> Vec<(usize, usize, usize)> {
        let mut world = World::new();
        let transports: [Entity; 5] = std::array::from_fn(|_| world.spawn_empty().id());
        let mut division = Division::default();
        for &(transport, len) in rows {
            let session = || (transport < 4).then(SrtpSession::default);
            let share = division.share(transports[transport], session);
            division.push(share, Outgoing::generated(0, len));
        }
        let mut room = vec![0; division.lay_out()];
        let parts = division.parts(count, &mut room);
        parts
            .map(|part| (part.shares.len(), part.rows.len(), part.out.1.len()))
            .collect()
    }

    #[test]
    fn parts_are_about_as_long_as_each_other() {
        let rows = [0, 1, 2, 3].map(|transport| (transport, 80));
        assert_eq!(parts(&rows, 1), [(4, 4, 400)]);
        assert_eq!(parts(&rows, 2), [(2, 2, 200); 2]);
        assert_eq!(parts(&rows, 3), [(2, 2, 200); 2]);
        assert_eq!(parts(&rows, 9), [(1, 1, 100); 4]);
    }

    #[test]
    fn a_transport_is_in_one_part_and_who_is_not_protected_in_none() {
        let rows = [
            (0, 80),
            (1, 80),
            (0, 180),
            (4, 9),
            (1, 80),
            (0, 80),
            (2, 80),
        ];
        assert_eq!(parts(&rows, 2), [(1, 3, 400), (2, 3, 300)]);
        assert!(parts(&rows[3..4], 2).is_empty());
    }

    #[test]
    fn rows_keep_their_order() {
        let mut world = World::new();
        let [one, other] = [(); 2].map(|()| world.spawn_empty().id());
        let mut division = Division::default();
        for round in 0..2 {
            division.clear();
            for (index, transport) in [one, other, other, one].into_iter().enumerate() {
                let share = division.share(transport, || Some(SrtpSession::default()));
                division.push(share, Outgoing::generated(0, index as u16 + round));
            }
            division.lay_out();
            let lengths: Vec<_> = division.rows().map(|row| row.unwrap().header_len).collect();
            assert_eq!(lengths, [0, 1, 2, 3].map(|index| index + round));
        }
    }
}
