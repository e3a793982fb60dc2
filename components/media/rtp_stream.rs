//! RTP streams: what a producer's encodings become with their first packet.

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};

use crate::rtp_parameters::Codec;

/// A received RTP stream. It never changes its SSRC: a sender that does begins another stream, which
/// takes its place. Written when discovered.
#[derive(Component, Clone, Debug)]
pub struct RtpStream {
    /// Its producer.
    pub producer: Entity,
    /// The position of its encoding in the producer's parameters.
    pub encoding_index: u32,
    /// How many streams of the producer were discovered before it.
    pub discovered: u32,
    /// The SSRC of its media.
    pub ssrc: u32,
    /// The RTP stream identifier (RFC 8852), when it has one.
    pub rid: Option<Box<str>>,
    /// The payload type of its media.
    pub payload_type: u8,
    /// The payload type of its retransmissions, when they have a stream of their own (RFC 4588).
    pub rtx_payload_type: Option<u8>,
    /// The codec of its media.
    pub codec: Codec,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
}

crate::snapshot::state! {
    struct RtpStream {
        producer, encoding_index, discovered, ssrc, rid, payload_type, rtx_payload_type, codec,
        clock_rate
    }
}

/// The producer that a stream belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Streams)]
pub struct StreamOf(pub Entity);

crate::snapshot::state! { struct StreamOf(it) }

/// The streams of a producer, in no order.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = StreamOf)]
pub struct Streams(EntityHashSet);
