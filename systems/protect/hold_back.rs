//! Who has shown nothing but connectivity checks gets little: whoever knows a password can have
//! them come from where others live.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut};
use flumen_components::wire::{PacketKind, classify};
use flumen_components::{
    Agenda, Destination, IceAgent, IceTuple, Ledger, Outbox, Outgoing, Refusal, UnprovenTransports,
};

/// Takes out what would be too much for ways that are not proven yet.
pub(crate) fn hold_back(
    mut outbox: ResMut<'_, Outbox>,
    mut agenda: ResMut<'_, Agenda>,
    mut agents: Query<'_, '_, &mut IceAgent>,
    mut ledger: ResMut<'_, Ledger>,
) {
    let unproven = &mut agenda.unproven;
    unproven.0.retain(|&transport| {
        let agent = agents.get(transport);
        agent.is_ok_and(|agent| agent.selected().is_some() && !agent.is_proven())
    });
    let Outbox {
        rows,
        destinations,
        headers,
        ..
    } = &mut *outbox;
    let mut bounded = Bounded::default();
    rows.retain(|row| {
        let to = destinations[row.destination as usize];
        if !(bounded.holds(to.transport, unproven) && is_charged(row, headers)) {
            return true;
        }
        let agent = agents.get_mut(to.transport);
        let fits = agent.is_ok_and(|mut agent| agent.charge(tuple(to), row.len()));
        ledger.refused[Refusal::Unproven] += u64::from(!fits);
        fits
    });
}

/// Media and what reports on it. Answers to checks are no larger than these, and DTLS was charged for
/// when it was made.
fn is_charged(row: &Outgoing, headers: &[u8]) -> bool {
    let header = &headers[row.header_start as usize..][..row.header_len.into()];
    let kind = classify(header);
    matches!(kind, Some(PacketKind::Rtp | PacketKind::Rtcp))
}

/// Whether the transport asked about last is among those that are not proven: its rows lie together.
#[derive(Default)]
struct Bounded(Option<(Entity, bool)>);

impl Bounded {
    fn holds(&mut self, transport: Entity, unproven: &UnprovenTransports) -> bool {
        match self.0 {
            Some((asked, answer)) if asked == transport => answer,
            _ => {
                let answer = unproven.0.contains(&transport);
                self.0 = Some((transport, answer));
                answer
            }
        }
    }
}

fn tuple(to: Destination) -> IceTuple {
    IceTuple {
        socket: to.socket,
        remote: to.address,
    }
}
