//! How far a tick has come when a system of the application runs.

use bevy_ecs::resource::Resource;

/// How far a tick has come when a system of the application runs: it says what can still be
/// decided. Set before each of those in the slots before and after the engine's own.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Datagrams have arrived and are nobody's yet: before the engine's part of Demux.
    #[default]
    Arrived,
    /// Packets have found their streams, which have not taken them in: before Receive.
    Claimed,
    /// Streams and data producers have accepted packets and messages: before Forward.
    Accepted,
    /// Who gets them is decided, and datagrams are about to leave: before Flush.
    Forwarded,
    /// Everything has left: what is added now belongs to the next tick.
    Sent,
}
