//! Score: how good is what was touched in this tick.

mod announce_scores;

pub(crate) use announce_scores::{announce_scores, scores_of};
