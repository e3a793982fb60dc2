//! Snapshots: an engine that goes on elsewhere does what the first one would have done.

pub(crate) mod bytes;
mod futures;
mod own;
mod sessions;
mod sockets;
