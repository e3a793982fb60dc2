//! Which paths are looked at in this tick.

use bevy_ecs::entity::Entity;
use bevy_ecs::system::{Query, Res, ResMut, SystemParam};
use flumen_components::{
    Consumer, Deadlines, Demand, Due, LayersToChoose, Now, OutgoingEstimate, PathsToEstimate,
    Routes,
};

/// Where paths are found.
#[derive(SystemParam)]
pub(crate) struct Listing<'w, 's> {
    transports: Query<'w, 's, (&'static mut OutgoingEstimate, &'static Demand)>,
    consumers: Query<'w, 's, &'static Consumer>,
    producers: Query<'w, 's, &'static Routes>,
    paths: ResMut<'w, PathsToEstimate>,
    deadlines: ResMut<'w, Deadlines>,
    now: Res<'w, Now>,
}

/// Lists the paths whose interval is over, and those of consumers that choose their layers anew.
pub(crate) fn list_paths(to_choose: Res<'_, LayersToChoose>, mut listing: Listing<'_, '_>) {
    for index in 0..listing.deadlines.fired().len() {
        if let (transport, Due::PathEstimate) = listing.deadlines.fired()[index] {
            listing.look_again(transport);
        }
    }
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
}

impl Listing<'_, '_> {
    /// Reports are still due, or somebody waits for more.
    fn look_again(&mut self, transport: Entity) {
        let Ok((mut estimate, demand)) = self.transports.get_mut(transport) else {
            return;
        };
        let now = self.now.time;
        if estimate.disarm(now) || demand.is_unmet {
            estimate.arm(transport, now, &mut self.deadlines);
        }
        estimate.list(transport, &mut self.paths);
    }

    fn list_for(&mut self, consumer: Entity) {
        let consumer = self.consumers.get(consumer).ok();
        let transport = consumer.map(|consumer| consumer.transport);
        if let Some(transport) = transport
            && let Ok((mut estimate, _)) = self.transports.get_mut(transport)
        {
            estimate.list(transport, &mut self.paths);
        }
    }
}
