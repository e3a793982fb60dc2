//! Score: how good is what was touched in this tick.

mod announce_scores;
mod sample_scores;

pub(crate) use announce_scores::{announce_scores, scores_of};
pub(crate) use sample_scores::sample_scores;
