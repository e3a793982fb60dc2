//! How a consumer goes over to another stream.

use bevy_ecs::entity::Entity;

use crate::consume::emission::Newest;
use crate::consume::layering::timeline::Alignment;
use crate::tick::batch::PacketFacts;
use crate::tick::time::Time;

/// A key frame that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The position of its encoding.
    pub encoding: u8,
    /// The sequence number of its first packet.
    pub number: u16,
    /// Since when.
    pub since: Time,
    /// It waits no longer: it is to be sent at the end of this tick.
    pub is_due: bool,
}

crate::snapshot::state! { struct Awaiting { encoding, number, since, is_due } }

/// What a stream is to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is what is forwarded.
    Followed,
    /// Its next key frame will be.
    Awaited,
    /// It is another layer.
    Other,
}

/// A stream that a consumer begins to follow, and the key frame with which it does.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    /// The stream.
    pub stream: Entity,
    /// The position of its encoding.
    pub encoding: u8,
    /// The first packet of its key frame.
    pub packet: &'a PacketFacts,
    /// The spatial layers of which there may be frames: a bit each.
    pub sent: u8,
    /// How its time goes with that of what was sent before.
    pub alignment: Alignment,
    /// The newest packet sent.
    pub newest: Option<Newest>,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
    /// The time.
    pub now: Time,
}
