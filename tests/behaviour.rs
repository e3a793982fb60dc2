//! What the engine does, as claims: one file a behaviour.

mod closed;
mod direct;
mod discovery;
mod errors;
mod event_life;
mod events;
mod forwarding;
mod goldens;
mod header_extensions;
mod key_frames;
mod pausing;
mod sequence;
mod stats;
mod traces;
mod transport_errors;
