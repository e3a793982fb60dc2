//! Whose layers are to be chosen, and whose have changed.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};

/// Producers of which streams began, stopped or were aligned, and consumers with other wishes: their
/// layers are chosen anew. Written by Receive, Score and between ticks, emptied by Score.
#[derive(Debug, Default)]
pub struct LayersToChoose {
    order: Vec<Entity>,
    known: EntityHashSet,
}

crate::snapshot::state! { struct LayersToChoose { order, known } }

impl LayersToChoose {
    /// Adds a consumer, or a producer with all its consumers.
    pub fn add(&mut self, entity: Entity) {
        if self.known.insert(entity) {
            self.order.push(entity);
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entity> {
        self.order.iter().copied()
    }

    /// Takes all of them out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Entity> {
        self.known.clear();
        self.order.drain(..)
    }
}

/// Consumers that may get other layers than they were told, in order. Written by Score and Forward,
/// emptied by Forward.
#[derive(Debug, Default)]
pub struct LayersChanging(pub Vec<Entity>);

crate::snapshot::state! { struct LayersChanging(it) }

/// How a consumer shares what there is bandwidth for with others of its transport: 1 to 255.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(pub u8);

crate::snapshot::state! { struct Priority(it) }

impl Default for Priority {
    fn default() -> Self {
        Self(1)
    }
}
