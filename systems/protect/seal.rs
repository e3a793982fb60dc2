//! What leaves on protected transports is sealed.

use bevy_ecs::query::With;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam, SystemState};
use bevy_ecs::world::World;
use flumen_components::{Inbox, Ledger, Limits, Outbox, Outgoing, SrtpSession, Workers};

use super::division::Division;

/// The last part of Protect, which alternates with Flush, so that what is sealed leaves while it is
/// in a cache yet, and takes up no more memory than [`Limits::sealed_bytes`].
///
/// It comes behind every system, so that nothing leaves unsealed, and vetoes see what is meant.
pub struct Sealing {
    state: SystemState<Sealer<'static, 'static>>,
    protected: SystemState<Query<'static, 'static, (), With<SrtpSession>>>,
    division: Division,
}

#[derive(SystemParam)]
struct Sealer<'w, 's> {
    outbox: ResMut<'w, Outbox>,
    inbox: Res<'w, Inbox>,
    sessions: Query<'w, 's, &'static mut SrtpSession>,
    ledger: ResMut<'w, Ledger>,
    limits: Res<'w, Limits>,
    workers: Res<'w, Workers>,
}

/// How much is sealed before it is sent. What may be refused counts too, and each row as if most was
/// added to it: so whoever seals, and in whatever order, a chunk ends where it would with anybody else.
struct Chunk {
    bytes: usize,
    limit: usize,
}

impl Sealing {
    /// Sealing in a world that has the resources of a tick.
    pub fn new(world: &mut World) -> Self {
        Self {
            state: SystemState::new(world),
            protected: SystemState::new(world),
            division: Division::default(),
        }
    }

    /// Makes the next rows that are to be sent; false when others follow them.
    pub fn go_on(&mut self, world: &mut World) -> bool {
        let Self {
            state,
            protected,
            division,
        } = self;
        if protected
            .get(world)
            .is_ok_and(|sessions| sessions.is_empty())
        {
            return true;
        }
        let sealer = state.get_mut(world);
        sealer.is_ok_and(|sealer| sealer.go_on(division))
    }
}

impl Sealer<'_, '_> {
    fn go_on(mut self, division: &mut Division) -> bool {
        self.outbox.next_chunk();
        match self.workers.threads_for(self.outbox.coming()) {
            1 => self.seal_in_place(),
            threads => self.seal_side_by_side(division, threads),
        }
    }

    fn seal_in_place(&mut self) -> bool {
        let outbox = &mut *self.outbox;
        let mut chunk = Chunk::of(&self.limits);
        while let Some(first) = outbox.upcoming() {
            let to = first.destination;
            let transport = outbox.destinations[to as usize].transport;
            let Ok(mut session) = self.sessions.get_mut(transport) else {
                outbox.pass_run(to);
                continue;
            };
            if !chunk.takes_run() {
                return false;
            }
            while let Some(row) = outbox.upcoming().filter(|row| row.destination == to) {
                if !chunk.takes(&row) {
                    return false;
                }
                match outbox.seal(&row, &self.inbox, &mut session) {
                    Ok(sealed) => outbox.pass(Some(sealed)),
                    Err(reason) => {
                        self.ledger.refused[reason] += 1;
                        outbox.pass(None);
                    }
                }
            }
        }
        true
    }

    /// The same on several threads: each seals for some of the transports.
    fn seal_side_by_side(&mut self, division: &mut Division, threads: usize) -> bool {
        let is_all = self.divide(division);
        let bytes = division.lay_out();
        let (headers, room) = self.outbox.room(bytes);
        let arenas = (headers, self.inbox.bytes());
        let parts = division.parts(Workers::parts_for(threads), room);
        self.workers.share(threads, parts, |part| part.seal(arenas));
        division.hand_back(|transport, sealed_with| {
            if let Ok(mut session) = self.sessions.get_mut(transport) {
                *session = sealed_with;
            }
        });
        for row in division.rows() {
            match row {
                Ok(row) => self.outbox.rows.push(row),
                Err(reason) => self.ledger.refused[reason] += 1,
            }
        }
        is_all
    }

    /// Takes the rows of the next chunk, each with the session of its transport; false when others
    /// follow them.
    fn divide(&mut self, division: &mut Division) -> bool {
        let outbox = &mut *self.outbox;
        let mut chunk = Chunk::of(&self.limits);
        division.clear();
        while let Some(first) = outbox.upcoming() {
            let to = first.destination;
            let transport = outbox.destinations[to as usize].transport;
            let lent = || {
                let mut session = self.sessions.get_mut(transport).ok()?;
                Some(std::mem::take(&mut *session))
            };
            let share = division.share(transport, lent);
            if share.is_some() && !chunk.takes_run() {
                return false;
            }
            while let Some(row) = outbox.upcoming().filter(|row| row.destination == to) {
                if share.is_some() && !chunk.takes(&row) {
                    return false;
                }
                division.push(share, row);
                outbox.pass(None);
            }
        }
        true
    }
}

impl Chunk {
    fn of(limits: &Limits) -> Self {
        Self {
            bytes: 0,
            limit: limits.sealed_bytes,
        }
    }

    /// What one destination gets leaves together where it can: a run that is cut in two goes through
    /// the network stack twice.
    fn takes_run(&self) -> bool {
        self.bytes < (self.limit / 2).max(1)
    }

    fn takes(&mut self, row: &Outgoing) -> bool {
        let takes = self.bytes < self.limit;
        self.bytes += row.sealed_len_max();
        takes
    }
}
