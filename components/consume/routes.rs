//! Who gets what a producer or a data producer has, and in which order.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;

/// The consumers of a producer, or the data consumers of a data producer, in the order of their
/// creation, in which they get each packet or message.
///
/// Each knows its position. One that goes leaves a gap, so that it costs nobody else anything and
/// changes nobody's turn; once half of the list are gaps, it is closed up.
#[derive(Component, Clone, Debug, Default)]
pub struct Routes {
    places: Vec<Option<Entity>>,
    gaps: usize,
}

crate::snapshot::state! { struct Routes { places, gaps } }

impl Routes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.gaps
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entity> {
        self.places.iter().copied().flatten()
    }

    /// All of them in order, with the gaps between them: by their positions.
    pub fn places(&self) -> &[Option<Entity>] {
        &self.places
    }

    /// Adds a consumer or data consumer as the last one; returns its position.
    pub fn push(&mut self, consumer: Entity) -> u32 {
        self.places.push(Some(consumer));
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
        let mut routes = Routes::default();
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
            let mut routes = Routes::default();
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
