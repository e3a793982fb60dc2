//! More than media is sent for a moment, to try what a path carries.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::event::Traced;
use flumen_components::trace::{Direction, TraceInfo, TraceType};
use flumen_components::{
    Agenda, Destination, Ledger, Outbox, Subject, Trace, TraceTypes, Traces, TransportId,
};

use super::old_packets::OldPackets;
use super::stamp_departures::Stamps;

/// What probing writes.
#[derive(SystemParam)]
pub(crate) struct Prober<'w, 's> {
    stamps: Stamps<'w, 's>,
    old: OldPackets<'w, 's>,
    transports: Query<'w, 's, (&'static TransportId, &'static TraceTypes)>,
    outbox: ResMut<'w, Outbox>,
    ledger: ResMut<'w, Ledger>,
    traces: ResMut<'w, Traces>,
}

/// Adds padding to what leaves on every path that is probed, as far as media alone is less than was
/// asked for. A way that is not proven yet is not probed.
pub(crate) fn send_probes(mut agenda: ResMut<'_, Agenda>, mut prober: Prober<'_, '_>) {
    let Agenda {
        probes, unproven, ..
    } = &mut *agenda;
    probes.0.retain(|&transport| {
        let is_proven = !unproven.0.contains(&transport);
        if !is_proven {
            prober.give_up(transport);
        }
        is_proven && prober.goes_on(transport)
    });
}

impl Prober<'_, '_> {
    /// Sends what is due; whether the probe goes on.
    fn goes_on(&mut self, transport: Entity) -> bool {
        let now = self.stamps.now.time;
        let Ok((path, Some(estimate))) = self.stamps.paths.get(transport) else {
            return false;
        };
        let (to, due) = (Destination::of(transport, path), estimate.padding_due(now));
        let Some(to) = to else {
            self.give_up(transport);
            return false;
        };
        // Old packets are shorter than those of the probation stream: so many more of them fill it.
        for _ in 0..2 * due {
            self.pad(to);
        }
        let Stamps {
            paths, deadlines, ..
        } = &mut self.stamps;
        let Ok((_, Some(mut estimate))) = paths.get_mut(transport) else {
            return false;
        };
        estimate.arm_probe(transport, now, deadlines)
    }

    /// There is nobody to send to any more, or nobody knows yet whether there is.
    fn give_up(&mut self, transport: Entity) {
        if let Ok((_, Some(mut estimate))) = self.stamps.paths.get_mut(transport) {
            estimate.end_probe();
        }
    }

    /// Sends an old packet again where that can be, or one of the probation stream, if one is due.
    fn pad(&mut self, to: Destination) {
        let now = self.stamps.now.time;
        let Ok((_, Some(mut estimate))) = self.stamps.paths.get_mut(to.transport) else {
            return;
        };
        if estimate.padding_due(now) == 0 {
            return;
        }
        let (turn, is_numbered) = (estimate.turn(), estimate.is_of_numbered());
        let out = &mut self.outbox.headers;
        let old = self.old.write(to.transport, (turn, is_numbered), out);
        let row = old.unwrap_or_else(|| estimate.pad(out));
        estimate.count_padding(&row);
        self.stamps
            .stamp(to.transport, &row, &mut self.outbox.headers);
        self.outbox.push_to(to, row);
        self.ledger.generated += 1;
        self.trace(to.transport);
    }

    fn trace(&mut self, about: Entity) {
        let Ok((&id, traced)) = self.transports.get(about) else {
            return;
        };
        if traced.contains(TraceType::Probation) {
            let trace = Trace {
                type_: TraceType::Probation,
                timestamp: self.stamps.now.time.as_millis(),
                direction: Direction::Out,
                info: TraceInfo::None {},
            };
            let traced = Traced {
                about,
                subject: Subject::Transport(id),
                trace,
            };
            let limits = &self.stamps.limits;
            self.traces.push(about, traced, limits);
        }
    }
}
