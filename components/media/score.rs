//! How good a stream is.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use serde::{Deserialize, Serialize};

/// The quality of a stream, from 0 (nothing arrives) to 10 (all of it does).
///
/// A stream begins with 10. Written by Score.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(pub u8);

crate::snapshot::state! { struct Score(it) }

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
#[derive(Debug, Default)]
pub struct ConsumerScoresChanged(pub Changes);

crate::snapshot::state! { struct ConsumerScoresChanged(it) }

/// Streams of producers that began or changed their score. Written by Demux and Score, emptied by
/// Score.
#[derive(Debug, Default)]
pub struct ScoresChanged(pub Changes);

crate::snapshot::state! { struct ScoresChanged(it) }

/// Whose score changed in a tick, in the order in which it did. However often it did, it is told
/// once, with what is the case in the end; what is then as it was before is no change.
#[derive(Debug, Default)]
pub struct Changes {
    order: Vec<(Entity, Option<Score>)>,
    known: EntityHashSet,
}

crate::snapshot::state! { struct Changes { order, known } }

impl Changes {
    /// Adds an entity with the score that it had `before`, none when it is new. Of several the
    /// first counts.
    pub fn add(&mut self, entity: Entity, before: Option<Score>) {
        if self.known.insert(entity) {
            self.order.push((entity, before));
        }
    }

    /// Takes out those whose score is `now` what it was.
    pub fn settle(&mut self, now: impl Fn(Entity) -> Option<Score>) {
        let known = &mut self.known;
        self.order.retain(|&(entity, before)| {
            let differs = now(entity) != before;
            if !differs {
                known.remove(&entity);
            }
            differs
        });
    }

    /// The score of the entity has changed.
    pub fn contains(&self, entity: Entity) -> bool {
        self.known.contains(&entity)
    }

    /// No score has changed.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Takes all of them out.
    pub fn drain(&mut self) -> impl Iterator<Item = Entity> {
        self.known.clear();
        self.order.drain(..).map(|(entity, _)| entity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities<const N: usize>() -> [Entity; N] {
        std::array::from_fn(|index| Entity::from_raw_u32(index as u32).expect("an index"))
    }

    #[test]
    fn who_changes_twice_is_told_once() {
        let [a, b] = entities();
        let mut changes = Changes::default();
        for entity in [b, a, b, b] {
            changes.add(entity, None);
        }
        assert!(changes.contains(a));
        assert_eq!(changes.drain().collect::<Vec<_>>(), [b, a]);
        assert!(!changes.contains(a));
        changes.add(a, None);
        assert_eq!(changes.drain().collect::<Vec<_>>(), [a]);
    }

    #[test]
    fn who_is_as_before_has_not_changed() {
        let [same, other, new, gone] = entities();
        let mut changes = Changes::default();
        changes.add(same, Some(Score(10)));
        changes.add(same, Some(Score(4)));
        changes.add(other, Some(Score(9)));
        changes.add(new, None);
        changes.add(gone, None);
        changes.settle(|entity| (entity != gone).then_some(Score(10)));
        assert!(!changes.contains(same) && changes.contains(other));
        assert_eq!(changes.drain().collect::<Vec<_>>(), [other, new]);
        assert!(changes.is_empty());
    }
}
