//! What is heard of each producer.

use bevy_ecs::entity::Entity;

use crate::snapshot::Roster;
use crate::wire::state::{Malformed, Reader, State, Writer};

/// The producers that an observer listens to, and what it heard of each.
#[derive(Debug, Default)]
pub(super) struct Voices<T> {
    /// By producer, to be found for each packet.
    list: Vec<Voice<T>>,
    added: u64,
}

/// A producer that an observer listens to.
#[derive(Debug)]
pub(super) struct Voice<T> {
    /// The producer.
    pub(super) producer: Entity,
    /// What was heard of it.
    pub(super) heard: T,
    /// Which addition it was: the key of order.
    pub(super) added: u64,
}

impl<T: State<Roster>> State<Roster> for Voices<T> {
    fn save(&self, out: &mut Writer<Roster>) {
        self.list.save(out);
        self.added.save(out);
    }

    /// Where they are restored, producers may be in another order.
    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let (mut list, added): (Vec<Voice<T>>, _) = State::load(from)?;
        list.sort_unstable_by_key(|voice| voice.producer);
        Ok(Self { list, added })
    }
}

impl<T: State<Roster>> State<Roster> for Voice<T> {
    fn save(&self, out: &mut Writer<Roster>) {
        self.producer.save(out);
        self.heard.save(out);
        self.added.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let (producer, heard, added) = State::load(from)?;
        Ok(Self {
            producer,
            heard,
            added,
        })
    }
}

impl<T: Default> Voices<T> {
    /// Adds a producer; false when it is there.
    pub(super) fn add(&mut self, producer: Entity) -> bool {
        let Err(at) = self.position(producer) else {
            return false;
        };
        let voice = Voice {
            producer,
            heard: T::default(),
            added: self.added,
        };
        self.added += 1;
        self.list.insert(at, voice);
        true
    }

    /// Removes a producer; false when it is not there.
    pub(super) fn remove(&mut self, producer: Entity) -> bool {
        let position = self.position(producer);
        if let Ok(at) = position {
            self.list.remove(at);
        }
        position.is_ok()
    }

    /// What was heard of a producer.
    pub(super) fn get_mut(&mut self, producer: Entity) -> Option<&mut T> {
        let at = self.position(producer).ok()?;
        Some(&mut self.list[at].heard)
    }

    /// All of them, by producer.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Voice<T>> {
        self.list.iter()
    }

    /// All of them, by producer.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Voice<T>> {
        self.list.iter_mut()
    }

    /// The producers.
    pub(super) fn producers(&self) -> Vec<Entity> {
        self.iter().map(|voice| voice.producer).collect()
    }

    fn position(&self, producer: Entity) -> Result<usize, usize> {
        self.list
            .binary_search_by_key(&producer, |voice| voice.producer)
    }
}
