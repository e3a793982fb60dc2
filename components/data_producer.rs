//! Data producers: messages that enter a router.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use serde::{Deserialize, Serialize};

use crate::sctp_stream_parameters::SctpStreamParameters;

/// How messages come or go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DataKind {
    /// Over an SCTP association.
    Sctp,
    /// From and to the application itself.
    Direct,
}

/// What routing knows of a data producer. Its identifier is a
/// [`DataProducerId`](crate::DataProducerId) beside it.
///
/// Counters are written by Receive.
#[derive(Component, Clone, Copy, Debug)]
pub struct DataProducer {
    /// How its messages come.
    pub kind: DataKind,
    /// The transport it receives on.
    pub transport: Entity,
    /// Messages received, those received while paused included.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a data producer or data consumer was made with, as it is told to clients: never touched by
/// routing.
#[derive(Component, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataParameters {
    /// How messages come or go.
    #[serde(rename = "type")]
    pub kind: DataKind,
    /// The SCTP stream; none on a direct transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sctp_stream_parameters: Option<SctpStreamParameters>,
    /// What tells data channels apart for people.
    pub label: String,
    /// The name of the protocol spoken over the data channel.
    pub protocol: String,
}

/// The data consumers of a data producer, in the order of their creation, in which they get each
/// message.
///
/// Each data consumer knows its position. One that goes leaves a gap, so that it costs nobody else
/// anything and changes nobody's turn; once half of the list are gaps, it is closed up.
#[derive(Component, Clone, Debug, Default)]
pub struct DataRoutes {
    places: Vec<Option<Entity>>,
    gaps: usize,
}

/// The data producer that a data consumer consumes.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = DataConsumers)]
pub struct ConsumesDataFrom(pub Entity);

/// The data consumers of a data producer, in no order. Routing reads [`DataRoutes`] instead.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = ConsumesDataFrom)]
pub struct DataConsumers(EntityHashSet);

impl DataRoutes {
    /// How many data consumers there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.gaps
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The data consumers, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entity> {
        self.places.iter().copied().flatten()
    }

    /// Adds a data consumer as the last one; returns its position.
    pub fn push(&mut self, data_consumer: Entity) -> u32 {
        self.places.push(Some(data_consumer));
        self.places.len() as u32 - 1
    }

    /// Removes who is at `position`. When others move, `moved` is called with each and its new
    /// position.
    pub fn remove(&mut self, position: u32, mut moved: impl FnMut(Entity, u32)) {
        let Some(place) = self.places.get_mut(position as usize) else {
            return;
        };
        self.gaps += usize::from(place.take().is_some());
        if self.gaps * 2 < self.places.len() {
            return;
        }
        self.gaps = 0;
        self.places.retain(Option::is_some);
        for (position, entity) in (0..).zip(self.iter()) {
            moved(entity, position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_stays_keeps_its_turn() {
        let entity = Entity::from_raw_u32;
        let [a, b, c] = [1, 2, 3].map(|index| entity(index).expect("an index"));
        let mut routes = DataRoutes::default();
        assert_eq!([a, b, c].map(|one| routes.push(one)), [0, 1, 2]);
        routes.remove(0, |_, _| panic!("one gap of three is left open"));
        assert_eq!(routes.iter().collect::<Vec<_>>(), [b, c]);
        assert_eq!((routes.len(), routes.is_empty()), (2, false));
        let mut moved = Vec::new();
        routes.remove(1, |entity, position| moved.push((entity, position)));
        assert_eq!(moved, [(c, 0)]);
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_positions_are_right(
            acts in proptest::collection::vec((any::<bool>(), any::<usize>()), 0..200),
        ) {
            let mut routes = DataRoutes::default();
            let mut model: Vec<(Entity, u32)> = Vec::new();
            for (index, (arrives, choice)) in (1..).zip(acts) {
                if arrives || model.is_empty() {
                    let entity = Entity::from_raw_u32(index).expect("an index");
                    model.push((entity, routes.push(entity)));
                } else {
                    let (_, position) = model.remove(choice % model.len());
                    routes.remove(position, |entity, position| {
                        let known = model.iter_mut().find(|(other, _)| *other == entity);
                        known.expect("only who stays moves").1 = position;
                    });
                }
                prop_assert!(routes.iter().eq(model.iter().map(|&(entity, _)| entity)));
                prop_assert_eq!(routes.len(), model.len());
                prop_assert!(routes.places.len() <= 2 * model.len().max(1));
            }
        }
    }
}
