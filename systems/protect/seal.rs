//! What leaves on protected transports is sealed.

use bevy_ecs::system::{Query, Res, ResMut, SystemParam, SystemState};
use bevy_ecs::world::World;
use flumen_components::{Inbox, Ledger, Limits, Outbox, SrtpSession};

/// The last part of Protect, which alternates with Flush, so that what is sealed leaves while it is
/// in a cache yet, and takes up no more memory than [`Limits::sealed_bytes`].
///
/// It comes behind every system, so that nothing leaves unsealed, and vetoes see what is meant.
pub struct Sealing(SystemState<Sealer<'static, 'static>>);

#[derive(SystemParam)]
struct Sealer<'w, 's> {
    outbox: ResMut<'w, Outbox>,
    inbox: Res<'w, Inbox>,
    sessions: Query<'w, 's, &'static mut SrtpSession>,
    ledger: ResMut<'w, Ledger>,
    limits: Res<'w, Limits>,
}

impl Sealing {
    /// Sealing in a world that has the resources of a tick.
    pub fn new(world: &mut World) -> Self {
        Self(SystemState::new(world))
    }

    /// Makes the next rows that are to be sent; false when others follow them.
    pub fn go_on(&mut self, world: &mut World) -> bool {
        self.0.get_mut(world).is_ok_and(Sealer::go_on)
    }
}

impl Sealer<'_, '_> {
    fn go_on(mut self) -> bool {
        if self.sessions.is_empty() {
            return true;
        }
        let outbox = &mut *self.outbox;
        outbox.next_chunk();
        while let Some(first) = outbox.upcoming() {
            let to = first.destination;
            let transport = outbox.destinations[to as usize].transport;
            let Ok(mut session) = self.sessions.get_mut(transport) else {
                outbox.pass_run(to);
                continue;
            };
            // What one destination gets leaves together where it can: a run that is cut in two goes
            // through the network stack twice.
            if outbox.has_sealed((self.limits.sealed_bytes / 2).max(1)) {
                return false;
            }
            while let Some(row) = outbox.upcoming().filter(|row| row.destination == to) {
                if outbox.has_sealed(self.limits.sealed_bytes) {
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
}
