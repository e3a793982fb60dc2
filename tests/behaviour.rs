//! What the engine does, as claims: one file a behaviour.

mod blocked;
mod forwarding;
mod ledgers;
mod order;
