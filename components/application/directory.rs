//! Which entity a public identifier names.

use std::collections::BTreeMap;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;
use bevy_ecs::world::World;
use thiserror::Error;

use crate::application::id::Id;

/// What an identifier names has been closed, or never was part of this engine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the {kind} {id} is closed")]
pub struct Closed {
    /// "router", "transport", "producer" ...
    pub kind: &'static str,
    /// The identifier.
    pub id: String,
}

impl Closed {
    /// The error for `id`.
    pub fn new<I: Id>(id: I) -> Self {
        Self {
            kind: I::KIND,
            id: id.to_string(),
        }
    }
}

/// The living entities by public identifier. Written between ticks.
#[derive(Resource, Debug, Default)]
pub struct Directory(BTreeMap<u128, Entity>);

crate::snapshot::state! { struct Directory(it) }

impl Directory {
    /// The entity that `id` names.
    ///
    /// # Errors
    ///
    /// [`Closed`] when it is gone or was never created here.
    pub fn find<I: Id>(&self, id: I) -> Result<Entity, Closed> {
        self.0
            .get(&id.to_u128())
            .copied()
            .ok_or_else(|| Closed::new(id))
    }

    /// Names an entity; false when the identifier is taken.
    pub fn insert<I: Id>(&mut self, id: I, entity: Entity) -> bool {
        let vacant = !self.0.contains_key(&id.to_u128());
        if vacant {
            self.0.insert(id.to_u128(), entity);
        }
        vacant
    }

    /// Forgets an identifier.
    pub fn remove<I: Id>(&mut self, id: I) {
        self.0.remove(&id.to_u128());
    }
}

/// The entity that `id` names in `world`.
///
/// # Errors
///
/// [`Closed`] when it is gone, was never created here, or names something of another kind.
pub fn find<I: Id>(world: &World, id: I) -> Result<Entity, Closed> {
    let entity = world.resource::<Directory>().find(id)?;
    // An identifier parsed from a string may name an entity of another kind.
    match world.get::<I>(entity) {
        Some(found) if *found == id => Ok(entity),
        _ => Err(Closed::new(id)),
    }
}
