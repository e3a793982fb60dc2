//! Snapshots: an engine that goes on elsewhere does what the first one would have done.

mod bytes;
mod futures;
mod own;
mod sessions;
mod sockets;
