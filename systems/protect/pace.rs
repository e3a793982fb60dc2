//! What would leave too fast waits for its turn.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Local, Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, Deadlines, Destination, Inbox, Ledger, Limits, Now, Outbox, Outgoing, OutgoingEstimate,
    Pace, Pacer, Path, Refusal,
};

/// What pacing reads and writes.
#[derive(SystemParam)]
pub(crate) struct Pacing<'w, 's> {
    transports: Query<
        'w,
        's,
        (
            &'static Path,
            Option<&'static OutgoingEstimate>,
            &'static mut Pacer,
        ),
    >,
    agenda: ResMut<'w, Agenda>,
    deadlines: ResMut<'w, Deadlines>,
    ledger: ResMut<'w, Ledger>,
    limits: Res<'w, Limits>,
    now: Res<'w, Now>,
}

/// Lets leave what waited as far as its turn has come, then what this tick made as far as it need
/// not wait: of one transport, packets of a kind keep their order.
pub(crate) fn pace(
    mut outbox: ResMut<'_, Outbox>,
    inbox: Res<'_, Inbox>,
    mut pacing: Pacing<'_, '_>,
    mut made: Local<'_, Vec<Outgoing>>,
) {
    let outbox = &mut *outbox;
    made.clear();
    std::mem::swap(&mut outbox.rows, &mut made);
    for index in 0..pacing.agenda.paced.0.len() {
        pacing.release(pacing.agenda.paced.0[index], outbox);
    }
    for run in made.chunk_by(|one, next| one.destination == next.destination) {
        pacing.offer(run, outbox, &inbox);
    }
    pacing.arm();
}

impl Pacing<'_, '_> {
    /// Sends what waited, as far as its turn has come.
    fn release(&mut self, transport: Entity, outbox: &mut Outbox) {
        let Ok((path, estimate, mut pacer)) = self.transports.get_mut(transport) else {
            return;
        };
        let Some(to) = Destination::of(transport, path) else {
            // The peer is gone: what comes back later is another call's.
            let given_up = pacer.give_up() as u64;
            self.ledger.give_up(Refusal::NotConnected, given_up);
            return;
        };
        let Some(pace) = pace_of(&pacer, estimate, &self.limits) else {
            return;
        };
        pacer.accrue(pace, self.now.time);
        while let Some(row) = pacer.release(&mut outbox.headers) {
            outbox.push_to(to, row);
            self.ledger.paced -= 1;
        }
    }

    /// Sends the rows of one destination, or lets them wait.
    fn offer(&mut self, run: &[Outgoing], outbox: &mut Outbox, inbox: &Inbox) {
        let Some(transport) = run
            .first()
            .map(|row| outbox.destinations[row.destination as usize].transport)
        else {
            return;
        };
        let found = self.transports.get_mut(transport).ok();
        let paced = found.and_then(|(_, estimate, pacer)| {
            let pace = pace_of(&pacer, estimate, &self.limits)?;
            // What an estimate knows nothing of takes nothing of it.
            let is_numbered = estimate.is_some_and(OutgoingEstimate::is_of_numbered);
            let is_numbered = is_numbered && pacer.asked.is_none();
            Some((pacer, pace, is_numbered))
        });
        let Some((mut pacer, pace, is_numbered)) = paced else {
            outbox.rows.extend_from_slice(run);
            return;
        };
        let now = self.now.time;
        pacer.accrue(pace, now);
        let limit = self.limits.paced_datagrams_per_transport;
        for row in run {
            if pacer.admits(row.kind) {
                if !is_numbered || row.transport_sequence != 0 {
                    pacer.pay(row);
                }
                outbox.rows.push(*row);
            } else if pacer.push(row, outbox.parts(row, inbox), now, limit) {
                self.ledger.paced += 1;
            } else {
                self.ledger.refused[Refusal::PacerFull] += 1;
            }
        }
        if !pacer.is_empty() {
            pacer.list(transport, &mut self.agenda.paced);
        }
    }

    /// Sets the deadlines of what waits on.
    fn arm(&mut self) {
        let Self {
            transports,
            agenda,
            deadlines,
            limits,
            now,
            ..
        } = self;
        agenda.paced.0.retain(|&transport| {
            let Ok((_, estimate, mut pacer)) = transports.get_mut(transport) else {
                return false;
            };
            let pace = pace_of(&pacer, estimate, limits);
            pace.is_some_and(|pace| pacer.arm(transport, (pace, now.time), deadlines))
        });
    }
}

/// How a transport is paced: as it was asked for, or by what its path is known to carry. A path of
/// which nobody told anything is not paced.
fn pace_of(pacer: &Pacer, estimate: Option<&OutgoingEstimate>, limits: &Limits) -> Option<Pace> {
    let rate = match (pacer.asked, estimate) {
        (Some(asked), _) => asked,
        (None, Some(estimate)) => estimate.pacing_rate(limits.pacing_percent)?,
        (None, None) => return None,
    };
    Some(Pace::new(rate, limits))
}
