//! Several threads seal and write what leaves, and nobody can tell.

mod failures;
mod house;
mod recordings;
mod rooms;
mod sockets;
