//! Which paths are looked at in this tick.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Agenda, Consumer, Deadlines, Demand, Due, Now, OutgoingEstimate, Path, Routes,
};

/// Where paths are found.
#[derive(SystemParam)]
pub(crate) struct Listing<'w, 's> {
    transports: Query<
        'w,
        's,
        (
            &'static mut OutgoingEstimate,
            &'static Demand,
            &'static Path,
        ),
    >,
    consumers: Query<'w, 's, &'static Consumer>,
    producers: Query<'w, 's, &'static Routes>,
    agenda: ResMut<'w, Agenda>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Lists the paths whose interval is over, those that have just opened, and those of consumers that
/// choose their layers anew.
pub(crate) fn list_paths(mut listing: Listing<'_, '_>) {
    for index in 0..listing.agenda.connected.0.len() {
        let (transport, _) = listing.agenda.connected.0[index];
        listing.list(transport);
    }
    for index in 0..listing.deadlines.fired().len() {
        if let (transport, Due::PathEstimate) = listing.deadlines.fired()[index] {
            listing.look_again(transport);
        }
    }
    let to_choose = std::mem::take(&mut listing.agenda.layers_to_choose);
    for entity in to_choose.iter() {
        listing.list_for(entity);
        for index in 0.. {
            let routes = listing.producers.get(entity).ok();
            match routes.and_then(|routes| routes.places().get(index).copied()) {
                None => break,
                Some(None) => {}
                Some(Some(consumer)) => listing.list_for(consumer),
            }
        }
    }
    listing.agenda.layers_to_choose = to_choose;
}

impl Listing<'_, '_> {
    /// Reports are still due, or somebody waits for more, which can be tried.
    fn look_again(&mut self, transport: Entity) {
        let Ok((mut estimate, demand, path)) = self.transports.get_mut(transport) else {
            return;
        };
        let now = self.now.time;
        if estimate.disarm(now) || demand.is_unmet && path.is_connected() {
            estimate.arm(transport, now, &mut self.deadlines);
        }
        estimate.list(transport, &mut self.agenda.paths);
    }

    fn list_for(&mut self, consumer: Entity) {
        let consumer = self.consumers.get(consumer).ok();
        if let Some(transport) = consumer.map(|consumer| consumer.transport) {
            self.list(transport);
        }
    }

    fn list(&mut self, transport: Entity) {
        if let Ok((mut estimate, ..)) = self.transports.get_mut(transport) {
            estimate.list(transport, &mut self.agenda.paths);
        }
    }
}
