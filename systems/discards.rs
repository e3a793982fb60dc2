//! What goes no further is counted: for all, and for the transport that it came to.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, SystemParam};
use flumen_components::{Discard, Discards, Ledger, Veto};

/// The counters of transports.
#[derive(SystemParam)]
pub(crate) struct TransportDiscards<'w, 's>(pub(crate) Query<'w, 's, &'static mut Discards>);

impl TransportDiscards<'_, '_> {
    /// Counts a datagram of `transport`.
    pub(crate) fn discard(&mut self, ledger: &mut Ledger, transport: Entity, reason: Discard) {
        ledger.discard(reason);
        if let Ok(mut discards) = self.0.get_mut(transport) {
            discards.counts_mut()[reason] += 1;
        }
    }

    /// Counts a datagram of `transport` that the application vetoed.
    pub(crate) fn veto(&mut self, ledger: &mut Ledger, transport: Entity, veto: Veto) {
        ledger.discarded[veto] += 1;
        if let Ok(mut discards) = self.0.get_mut(transport) {
            discards.counts_mut()[veto] += 1;
        }
    }
}
