//! What the engine does, as claims: one file a behaviour.

mod forwarding;
mod relay;
