//! What tells the states of two engines apart: a hash of each component.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;
use flumen_components::snapshot::Roster;
use flumen_components::wire::state::Writer;
use flumen_components::{
    ConsumerId, DataConsumerId, DataProducerId, Digest, ProducerId, RouterId, RtpObserverId,
    RtpStream, SocketId, TransportId, WebRtcServerId,
};

use super::head::before;
use super::own::Renamed;
use super::survey::Survey;
use super::{SnapshotError, kinds};
use crate::engine::Engine;

/// The hashes of all registered components, in a fixed order.
#[derive(Debug, Default)]
pub(crate) struct StateDigest {
    /// For each kind of component and each resource, whose it is, and its hash.
    pub(crate) kinds: Vec<Vec<Cell>>,
    names: Vec<&'static str>,
    entities: Vec<Entity>,
}

/// A component of one entity, or a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The number of the entity: they are counted in the order of their creation.
    pub(crate) number: u32,
    pub(crate) hash: u32,
}

/// Digests.
impl Engine {
    /// A hash of all that snapshots keep: components in the order in which their entities were made,
    /// then resources. Two engines that know the same have the same, on any machine and in any build;
    /// where they did not, [`Replay`](crate::Replay) names the first component that differs, for which
    /// a recording has hashes every [`state_digest_ticks`](crate::Builder::state_digest_ticks).
    ///
    /// It takes as long as a snapshot. Keys that libraries draw from the operating system (those of
    /// SRTP behind DTLS) are state, too: runs in which they were drawn anew differ.
    ///
    /// # Errors
    ///
    /// See [`SnapshotError`].
    pub fn state_digest(&mut self) -> Result<u64, SnapshotError> {
        Ok(self.states()?.sum())
    }

    /// The hash of each.
    pub(crate) fn states(&mut self) -> Result<StateDigest, SnapshotError> {
        let survey = Survey::of(&mut self.world, &self.own)?;
        let mut roster = Roster::default();
        for &entity in &survey.kept {
            roster.enter(entity);
        }
        let mut out = Writer::new(roster);
        let mut states = StateDigest::default();
        for kind in kinds::all() {
            let mut cells = Vec::new();
            let mut start = out.bytes().len();
            (kind.digest)(&self.world, &survey.kept, &mut out, &mut |number, out| {
                cells.push(Cell::of(number, &out.bytes()[start..]));
                start = out.bytes().len();
            });
            states.names.push((kind.name)());
            states.kinds.push(cells);
        }
        self.own_states(&survey.kept, &mut states)?;
        states.entities = survey.kept;
        Ok(states)
    }

    /// Entities in components of the application's are known by their numbers.
    fn own_states(&self, kept: &[Entity], states: &mut StateDigest) -> Result<(), SnapshotError> {
        let numbers = kept.iter().zip(1..);
        let numbers = numbers.filter_map(|(&entity, number)| Some((entity, before(number)?)));
        let mut renamed = Renamed(numbers.collect());
        for own in &self.own {
            let mut cells = Vec::new();
            for (number, &entity) in kept.iter().enumerate() {
                match (own.renamed)(&self.world, entity, &mut renamed) {
                    None => {}
                    Some(Ok(bytes)) => cells.push(Cell::of(number, &bytes)),
                    Some(Err(source)) => {
                        let component = own.name;
                        return Err(SnapshotError::Component { component, source });
                    }
                }
            }
            states.names.push(own.name);
            states.kinds.push(cells);
        }
        Ok(())
    }
}

impl Cell {
    fn of(number: usize, bytes: &[u8]) -> Self {
        Self {
            number: number as u32,
            hash: Digest::of(bytes) as u32,
        }
    }
}

impl StateDigest {
    fn sum(&self) -> u64 {
        let mut digest = Digest::default();
        for cells in &self.kinds {
            digest.write_u64(cells.len() as u64);
            for cell in cells {
                digest.write_u64(u64::from(cell.number) << 32 | u64::from(cell.hash));
            }
        }
        digest.finish()
    }

    /// The first component that `recorded` has otherwise, and whose it is; nothing for a resource.
    pub(crate) fn first_difference(
        &self,
        recorded: &Self,
        world: &World,
    ) -> Option<(String, Option<String>)> {
        let pairs = self.kinds.iter().zip(&recorded.kinds);
        let mut pairs = pairs.zip(&self.names);
        let Some(((now, then), name)) = pairs.find(|((now, then), _)| now != then) else {
            let is_same = self.kinds.len() == recorded.kinds.len();
            return (!is_same).then(|| ("of which there are more or fewer kinds".into(), None));
        };
        let equal = now.iter().zip(then).take_while(|(now, then)| now == then);
        let at = equal.count();
        let cells = [now.get(at), then.get(at)];
        let number = cells.into_iter().flatten().map(|cell| cell.number).min()?;
        let of = self.entities.get(number as usize);
        let is_resource = kinds::is_resource(name);
        let of = (!is_resource).then(|| of.map_or("an entity".into(), |of| called(world, *of)));
        Some((name.to_string(), of))
    }
}

/// What an entity is called.
fn called(world: &World, entity: Entity) -> String {
    macro_rules! by_id {
        ($($id:ident: $kind:literal),+) => {
            $(if let Some(id) = world.get::<$id>(entity) {
                return format!("{} {id}", $kind);
            })+
        };
    }
    by_id!(
        RouterId: "router", SocketId: "socket", WebRtcServerId: "WebRTC server",
        TransportId: "transport", ProducerId: "producer", ConsumerId: "consumer",
        DataProducerId: "data producer", DataConsumerId: "data consumer",
        RtpObserverId: "observer"
    );
    match world.get::<RtpStream>(entity) {
        Some(stream) => {
            let ssrc = stream.ssrc;
            format!("stream {ssrc} of {}", called(world, stream.producer))
        }
        None => format!("entity {entity}"),
    }
}
