//! Components of the application's own.

use bevy_ecs::component::{Component, ComponentId};
use bevy_ecs::entity::{Entity, EntityHashMap, EntityMapper};
use bevy_ecs::world::World;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A component of the application's that snapshots keep.
#[derive(Clone, Copy)]
pub(crate) struct Own {
    pub(super) name: &'static str,
    pub(super) register: fn(&mut World) -> ComponentId,
    pub(super) save: fn(&World, Entity) -> Option<postcard::Result<Vec<u8>>>,
    /// As it is saved, with other entities in it.
    pub(super) renamed: fn(&World, Entity, &mut Renamed) -> Option<postcard::Result<Vec<u8>>>,
    pub(super) load: fn(&mut World, Entity, &[u8], &mut Renamed) -> postcard::Result<()>,
}

/// Entities by what they were before.
pub(super) struct Renamed(pub(super) EntityHashMap<Entity>);

/// What nobody knows any more is nothing.
impl EntityMapper for Renamed {
    fn get_mapped(&mut self, before: Entity) -> Entity {
        let now = self.0.get(&before);
        now.copied().unwrap_or(Entity::PLACEHOLDER)
    }

    fn set_mapped(&mut self, before: Entity, now: Entity) {
        self.0.insert(before, now);
    }
}

impl Own {
    pub(crate) fn of<T: Component + Serialize + DeserializeOwned>() -> Self {
        Self {
            name: std::any::type_name::<T>(),
            register: World::register_component::<T>,
            save: |world, entity| world.get::<T>(entity).map(postcard::to_allocvec),
            renamed: |world, entity, renamed| {
                let component = world.get::<T>(entity)?;
                Some(postcard::to_allocvec(component).and_then(|bytes| {
                    let mut copy: T = postcard::from_bytes(&bytes)?;
                    T::map_entities(&mut copy, renamed);
                    postcard::to_allocvec(&copy)
                }))
            },
            load: |world, entity, bytes, renamed| {
                let mut component: T = postcard::from_bytes(bytes)?;
                T::map_entities(&mut component, renamed);
                world.entity_mut(entity).insert(component);
                Ok(())
            },
        }
    }
}
