//! What there is in a world to be kept.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use bevy_ecs::archetype::ArchetypeEntity;
use bevy_ecs::component::ComponentId;
use bevy_ecs::entity::Entity;
use bevy_ecs::resource::IsResource;
use bevy_ecs::world::World;
use flumen_components::{Created, RtpStream};

use super::kinds::{self, LEFT};
use super::{Own, SnapshotError};

/// What there is in a world.
pub(super) struct Survey {
    /// The entities that are kept, in the order in which they were made.
    pub(super) kept: Vec<Entity>,
    pub(super) left_out: Vec<String>,
}

/// What becomes of a component.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Left,
}

impl Survey {
    pub(super) fn of(world: &mut World, own: &[Own]) -> Result<Self, SnapshotError> {
        let own: Vec<ComponentId> = own.iter().map(|own| (own.register)(world)).collect();
        let fates = fates();
        let is_resource = world.register_component::<IsResource>();
        let (mut kept, mut left_out) = (Vec::new(), BTreeSet::new());
        for archetype in world.archetypes().iter().filter(|them| !them.is_empty()) {
            let mut is_kept = false;
            for &id in archetype.components() {
                let Some(info) = world.components().get_info(id) else {
                    continue;
                };
                let fate = info.type_id().and_then(|type_id| fates.get(&type_id));
                let name = info.name().to_string();
                match fate {
                    Some(Fate::Kept) => is_kept = true,
                    Some(Fate::Left) => {}
                    // A resource is in no snapshot, whether it was asked to be or not.
                    None if own.contains(&id) && !archetype.contains(is_resource) => {
                        is_kept = true;
                    }
                    None if is_passing(&name) => {}
                    None if is_builtin(&name) => return Err(SnapshotError::Unknown(name)),
                    None => {
                        left_out.insert(name);
                    }
                }
            }
            if is_kept && !archetype.contains(is_resource) {
                kept.extend(archetype.entities().iter().map(ArchetypeEntity::id));
            }
        }
        kept.sort_unstable_by_key(|&entity| order(world, entity));
        let left_out = left_out.into_iter().collect();
        Ok(Self { kept, left_out })
    }
}

/// When an entity was made, whatever it is called in this world; a stream has no number of its own.
fn order(world: &World, entity: Entity) -> (Option<Created>, u32, Entity) {
    if let Some(stream) = world.get::<RtpStream>(entity) {
        let created = world.get::<Created>(stream.producer).copied();
        return (created, 1 + stream.discovered, entity);
    }
    (world.get::<Created>(entity).copied(), 0, entity)
}

fn fates() -> BTreeMap<TypeId, Fate> {
    let kept = kinds::all().map(|kind| ((kind.type_id)(), Fate::Kept));
    let left = LEFT.iter().map(|type_id| (type_id(), Fate::Left));
    kept.chain(left).collect()
}

/// Events, and what the ECS has for itself.
fn is_passing(name: &str) -> bool {
    const PASSING: [&str; 2] = ["bevy_ecs::", "flumen_components::application::event::"];
    PASSING.iter().any(|prefix| name.starts_with(prefix))
}

fn is_builtin(name: &str) -> bool {
    const BUILTIN: [&str; 3] = ["flumen_components::", "flumen_systems::", "flumen::"];
    BUILTIN.iter().any(|prefix| name.starts_with(prefix))
}
