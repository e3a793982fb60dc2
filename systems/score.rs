//! Score: how good is what was touched in this tick.

mod announce_scores;
mod choose_layers;
mod estimate_paths;
mod hear_levels;
mod list_paths;
mod measure_demand;
mod sample_consumers;
mod sample_scores;
mod share_paths;
mod tell_levels;
mod tell_wants;
mod watch_inactivity;
mod watch_layers;
mod watch_liveness;

pub(crate) use announce_scores::{announce_scores, consumer_score_of, forwarded, scores_of};
pub(crate) use choose_layers::choose_layers;
pub(crate) use estimate_paths::estimate_paths;
pub(crate) use hear_levels::hear_levels;
pub(crate) use list_paths::list_paths;
pub(crate) use measure_demand::measure_demand;
pub(crate) use sample_consumers::sample_consumers;
pub(crate) use sample_scores::sample_scores;
pub(crate) use share_paths::share_paths;
pub(crate) use tell_levels::tell_levels;
pub(crate) use tell_wants::tell_wants;
pub(crate) use watch_inactivity::watch_inactivity;
pub(crate) use watch_layers::watch_layers;
pub(crate) use watch_liveness::{liveness_of, watch_liveness};
