//! How good a stream is.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use bevy_ecs::resource::Resource;
use serde::{Deserialize, Serialize};

/// The quality of a stream, from 0 (nothing arrives) to 10 (all of it does).
///
/// A stream begins with 10. Written by Score.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u8);

impl Default for Score {
    fn default() -> Self {
        Self(10)
    }
}

/// The score of one stream of a producer, as `score` events tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerScore {
    /// The position of the encoding in the producer's parameters.
    pub encoding_idx: u32,
    /// The SSRC of the stream.
    pub ssrc: u32,
    /// Its RTP stream identifier, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// 0 to 10.
    pub score: u8,
}

/// The scores that concern a consumer, as its `score` events tell them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerScore {
    /// What the consumer sends, as it arrives at its receiver: 0 to 10.
    pub score: u8,
    /// The stream of its producer that it gets now: 0 to 10, 0 when there is none.
    pub producer_score: u8,
    /// Every encoding of its producer: 0 to 10, 0 when it has no stream.
    pub producer_scores: Vec<u8>,
}

/// Consumers that changed their score. Written and emptied by Score.
#[derive(Resource, Debug, Default)]
pub struct ConsumerScoresChanged(pub Changes);

/// Producers of which a stream began or changed its score. Written by Demux and Score, emptied by
/// Score.
#[derive(Resource, Debug, Default)]
pub struct ScoresChanged(pub Changes);

/// Who changed in a tick, in the order in which they did. However often one did, it is told once,
/// with what is the case in the end.
#[derive(Debug, Default)]
pub struct Changes {
    order: Vec<Entity>,
    known: EntityHashSet,
}

impl Changes {
    /// Adds an entity, unless it is there already.
    pub fn add(&mut self, entity: Entity) {
        if self.known.insert(entity) {
            self.order.push(entity);
        }
    }

    /// The entity has changed.
    pub fn contains(&self, entity: Entity) -> bool {
        self.known.contains(&entity)
    }

    /// Nobody has changed.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Takes all of them out.
    pub fn drain(&mut self) -> impl Iterator<Item = Entity> {
        self.known.clear();
        self.order.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_twice_is_told_once() {
        let [a, b] = [1, 2].map(|index| Entity::from_raw_u32(index).expect("an index"));
        let mut changes = Changes::default();
        for entity in [b, a, b, b] {
            changes.add(entity);
        }
        assert!(changes.contains(a));
        assert_eq!(changes.drain().collect::<Vec<_>>(), [b, a]);
        assert!(!changes.contains(a));
        changes.add(a);
        assert_eq!(changes.drain().collect::<Vec<_>>(), [a]);
    }
}
