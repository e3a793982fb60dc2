//! What the engine does, as claims: one file a behaviour.

mod blocked;
mod closing;
mod determinism;
mod forwarding;
mod handle;
mod hostile;
mod hostile_rtcp;
mod idle;
mod ledgers;
mod mutations;
mod order;
mod poison;
mod relay;
mod shutdown;
mod sockets;
mod user_systems;
