//! What the engine does, as claims: one file a behaviour.

mod closed;
mod discovery;
mod errors;
mod event_life;
mod events;
mod forwarding;
mod goldens;
mod key_frames;
mod pausing;
mod traces;
mod transport_errors;
