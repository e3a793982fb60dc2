//! What the bytes of a snapshot refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use bevy_ecs::entity::{Entity, EntityHashMap, EntityHashSet};
use bytes::Bytes;
use smallvec::{Array, SmallVec};

use crate::Time;
use crate::feedback::outgoing_estimate::Estimators;
use crate::rtp_parameters::RtpParameters;
use crate::tick::veto::Veto;
use crate::transport::dtls_connection::DtlsSettings;
use crate::wire::state::{Malformed, Reader, State, Writer};

/// Entities by the numbers that a snapshot has for them, and what is there already where it is
/// restored.
#[derive(Default)]
pub struct Roster {
    numbers: EntityHashMap<u32>,
    entities: Vec<Entity>,
    /// The reasons that the application registered where it is restored.
    pub vetoes: Vec<Veto>,
    /// Who makes estimators there.
    pub estimators: Estimators,
    /// What DTLS connections are made with there.
    pub dtls: Option<DtlsSettings>,
    /// The time of the snapshot.
    pub now: Time,
    /// What consumers that were loaded have in common, by its bytes.
    pub(crate) common: BTreeMap<Vec<u8>, Arc<RtpParameters>>,
}

impl Roster {
    /// The number of an entity: the next one, unless it has one.
    pub fn enter(&mut self, entity: Entity) -> u32 {
        let next = self.entities.len() as u32;
        *self.numbers.entry(entity).or_insert_with(|| {
            self.entities.push(entity);
            next
        })
    }

    /// What is sorted by this does not depend on what entities are called in a world: their numbers,
    /// and behind them those that have none yet.
    fn order(&self, entity: Entity) -> (u32, Entity) {
        match self.numbers.get(&entity) {
            Some(&number) => (number, Entity::PLACEHOLDER),
            None => (u32::MAX, entity),
        }
    }

    /// The entity with a number.
    pub fn entity(&self, number: u32) -> Option<Entity> {
        self.entities.get(number as usize).copied()
    }

    /// All of them, by their numbers.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }
}

impl State<Roster> for Entity {
    fn save(&self, out: &mut Writer<Roster>) {
        let number = (*self != Self::PLACEHOLDER).then(|| out.context.enter(*self));
        number.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        let Some(number) = Option::<u32>::load(from)? else {
            return Ok(Self::PLACEHOLDER);
        };
        from.context.entity(number).ok_or(Malformed)
    }
}

/// In the order of the roster, not of a hash.
impl State<Roster> for EntityHashSet {
    fn save(&self, out: &mut Writer<Roster>) {
        let mut all: Vec<Entity> = self.iter().copied().collect();
        all.sort_unstable_by_key(|entity| out.context.order(*entity));
        all.save(out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        Ok(Vec::load(from)?.into_iter().collect())
    }
}

/// In the order of the roster, not of a hash.
impl<V: State<Roster>> State<Roster> for EntityHashMap<V> {
    fn save(&self, out: &mut Writer<Roster>) {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(entity, _)| out.context.order(**entity));
        all.len().save(out);
        for (entity, value) in all {
            entity.save(out);
            value.save(out);
        }
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        Ok(Vec::<(Entity, V)>::load(from)?.into_iter().collect())
    }
}

impl<A: Array> State<Roster> for SmallVec<A>
where
    A::Item: State<Roster>,
{
    fn save(&self, out: &mut Writer<Roster>) {
        self.len().save(out);
        A::Item::save_all(self, out);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        Vec::load(from).map(Self::from_vec)
    }
}

impl State<Roster> for Bytes {
    fn save(&self, out: &mut Writer<Roster>) {
        self.len().save(out);
        out.raw(self);
    }

    fn load(from: &mut Reader<'_, Roster>) -> Result<Self, Malformed> {
        Vec::load(from).map(Self::from)
    }
}

/// The bytes of what refers to nothing.
pub(crate) fn save(state: &impl State<Roster>) -> Vec<u8> {
    let mut out = Writer::new(Roster::default());
    state.save(&mut out);
    out.bytes().to_vec()
}

/// What such bytes are of.
pub(crate) fn load<T: State<Roster>>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut from = Reader::new(bytes, Roster::default());
    let state = T::load(&mut from)?;
    from.is_empty().then_some(state).ok_or(Malformed)
}
