//! A way has just opened: who could not be served, or asked, before may want a key frame.

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::system::{Query, ResMut, SystemParam};
use flumen_components::{
    Connected, Consumer, Created, Emission, KeyFrameWish, KeyFrameWishes, Paused, Producer,
    Residents, Role,
};

/// Who lives on a transport.
#[derive(SystemParam)]
pub(crate) struct Inhabitants<'w, 's> {
    residents: Query<'w, 's, &'static Residents>,
    consumers: Query<
        'w,
        's,
        (
            &'static Created,
            &'static Consumer,
            &'static Paused,
            &'static Emission,
        ),
    >,
    producers: Query<'w, 's, (&'static Created, &'static Producer)>,
}

/// Wishes for key frames where a way has just opened: for consumers that can send from now on, and
/// from producers that can be asked from now on.
pub(crate) fn wish_on_connect(
    mut connected: ResMut<'_, Connected>,
    inhabitants: Inhabitants<'_, '_>,
    mut wishes: ResMut<'_, KeyFrameWishes>,
) {
    for (transport, role) in connected.0.drain(..) {
        // What could not be asked for before was not asked for at all.
        let force = role == Role::Rtcp;
        let mut producers = match role {
            Role::Rtp => inhabitants.awaited(transport),
            Role::Rtcp => inhabitants.producers(transport),
        };
        producers.sort_unstable();
        for (_, producer) in producers {
            let producer = inhabitants.producers.get(producer);
            for stream in producer.iter().flat_map(|(_, producer)| producer.streams()) {
                wishes.add(KeyFrameWish { stream, force });
            }
        }
    }
}

impl Inhabitants<'_, '_> {
    /// The producers of which consumers on `transport` wait for a key frame, unless this tick
    /// brought it, with the order of those consumers.
    fn awaited(&self, transport: Entity) -> Vec<(Created, Entity)> {
        let residents = self
            .residents
            .get(transport)
            .into_iter()
            .flat_map(Residents::iter);
        residents
            .filter_map(|resident| self.consumers.get(resident).ok())
            .filter(|(_, consumer, paused, emission)| {
                !paused.0 && !consumer.producer_paused && emission.sync_required
            })
            .map(|(&created, consumer, ..)| (created, consumer.producer))
            .collect()
    }

    /// The producers on `transport`, with their order.
    fn producers(&self, transport: Entity) -> Vec<(Created, Entity)> {
        let residents = self
            .residents
            .get(transport)
            .into_iter()
            .flat_map(Residents::iter);
        let producer = |resident| Some((*self.producers.get(resident).ok()?.0, resident));
        residents.filter_map(producer).collect()
    }
}
