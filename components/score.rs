//! How good a stream is.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
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
pub struct ConsumerScoresChanged(pub Vec<Entity>);

/// Producers of which a stream began or changed its score. Written by Demux and Score, emptied by
/// Score.
#[derive(Resource, Debug, Default)]
pub struct ScoresChanged(pub Vec<Entity>);
