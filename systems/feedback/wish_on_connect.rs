//! Consumers whose transport has just learnt its remote address need a key frame, unless this tick
//! brought one.

use bevy_ecs::entity::Entity;
use bevy_ecs::relationship::RelationshipTarget;
use bevy_ecs::system::{Query, ResMut};
use flumen_components::{
    Connected, Consumer, Created, Emission, KeyFrameWish, KeyFrameWishes, Paused, Producer,
    Residents,
};

/// Wishes for key frames on behalf of the consumers of transports that have just connected.
pub(crate) fn wish_on_connect(
    mut connected: ResMut<'_, Connected>,
    residents: Query<'_, '_, &Residents>,
    consumers: Query<'_, '_, (&Created, &Consumer, &Paused, &Emission)>,
    producers: Query<'_, '_, &Producer>,
    mut wishes: ResMut<'_, KeyFrameWishes>,
) {
    for transport in connected.0.drain(..) {
        let Ok(residents) = residents.get(transport) else {
            continue;
        };
        let mut waiting: Vec<(Created, Entity)> = residents
            .iter()
            .filter_map(|resident| consumers.get(resident).ok())
            .filter(|(_, consumer, paused, emission)| {
                !paused.0 && !consumer.producer_paused && emission.sync_required
            })
            .map(|(&created, consumer, ..)| (created, consumer.producer))
            .collect();
        waiting.sort_unstable();
        for (_, producer) in waiting {
            let producer = producers.get(producer);
            for stream in producer.iter().flat_map(|producer| producer.streams()) {
                wishes.add(KeyFrameWish {
                    stream,
                    force: false,
                });
            }
        }
    }
}
