//! Who has shown nothing but connectivity checks gets little: whoever knows a password can have
//! them come from where others live.

use bevy_ecs::system::{Query, ResMut};
use flumen_components::{
    Destination, IceAgent, IceTuple, Ledger, Outbox, OutgoingKind, Refusal, UnprovenTransports,
};

/// Takes out what would be too much for ways that are not proven yet.
pub(crate) fn hold_back(
    mut outbox: ResMut<'_, Outbox>,
    mut unproven: ResMut<'_, UnprovenTransports>,
    mut agents: Query<'_, '_, &mut IceAgent>,
    mut ledger: ResMut<'_, Ledger>,
) {
    unproven.0.retain(|&transport| {
        let agent = agents.get(transport);
        agent.is_ok_and(|agent| agent.selected().is_some() && !agent.is_proven())
    });
    let Outbox {
        rows, destinations, ..
    } = &mut *outbox;
    rows.retain(|row| {
        let to = destinations[row.destination as usize];
        // Answers to checks are no larger than these, and DTLS was charged for when it was made.
        let is_media = row.kind != OutgoingKind::Control;
        if !(is_media && unproven.0.contains(&to.transport)) {
            return true;
        }
        let agent = agents.get_mut(to.transport);
        let fits = agent.is_ok_and(|mut agent| agent.charge(tuple(to), row.len()));
        ledger.refused[Refusal::Unproven] += u64::from(!fits);
        fits
    });
}

fn tuple(to: Destination) -> IceTuple {
    IceTuple {
        socket: to.socket,
        remote: to.address,
    }
}
