//! What holds for every tick.

mod determinism;
mod fuzzed;
mod hostile;
mod idle;
mod ledgers;
mod limits;
mod mutations;
mod order;
mod own_rules;
mod poison;
#[path = "../../examples/house_rules/rules.rs"]
mod rules;
mod user_systems;
mod verdicts;
mod work;
