//! How entities begin: with a creation number, an identifier and generators of their own.

use bevy_ecs::world::World;
use flumen_components::{Created, CreationSequence, Generator, Id, Purpose, Seed};

/// Random SSRCs have nine digits, so that they are never mistaken for a small constant.
pub(super) const SSRCS: std::ops::RangeInclusive<u32> = 100_000_000..=999_999_999;

/// Takes the next creation number.
pub(super) fn number(world: &mut World) -> Created {
    let mut sequence = world.resource_mut::<CreationSequence>();
    let created = Created(sequence.0);
    sequence.0 += 1;
    created
}

/// The generator of entity `created` for `purpose`.
pub(super) fn generator(world: &World, created: Created, purpose: Purpose) -> Generator {
    world.resource::<Seed>().generator(created, purpose)
}

/// The identifier of entity `created`.
pub(super) fn id<I: Id>(world: &World, created: Created) -> I {
    I::from_random(generator(world, created, Purpose::Id).bits())
}
