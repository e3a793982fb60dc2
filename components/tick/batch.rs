//! The rows that the stages of a tick pass on: indices over the inbox, never entities.

use std::ops::Range;

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::media::descriptor::Descriptor;
use crate::media::reception::Arrival;
use crate::tick::veto::Veto;
use crate::transport::path::Role;
use crate::wire::rtp::RtpHeader;

/// RTP packets that a transport owns. Filled and emptied by Demux.
#[derive(Resource, Debug, Default)]
pub struct RtpIn(pub Vec<RtpArrival>);

/// An RTP packet of a transport.
#[derive(Clone, Copy, Debug)]
pub struct RtpArrival {
    /// Offset of the packet in the inbox arena.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
    /// The transport that received it.
    pub transport: Entity,
    /// Its header.
    pub header: RtpHeader,
}

/// RTCP datagrams that a transport owns. Filled by Demux, read by Receive.
#[derive(Resource, Debug, Default)]
pub struct RtcpIn(pub Vec<RtcpArrival>);

/// An RTCP datagram of a transport.
#[derive(Clone, Copy, Debug)]
pub struct RtcpArrival {
    /// Offset of the datagram in the inbox arena.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
    /// The transport that received it.
    pub transport: Entity,
    /// The way it came.
    pub role: Role,
}

/// SCTP packets that a transport owns, as they came or out of DTLS. Filled by Demux, emptied by
/// Receive.
#[derive(Resource, Debug, Default)]
pub struct SctpIn(pub Vec<SctpArrival>);

/// An SCTP datagram of a transport.
#[derive(Clone, Copy, Debug)]
pub struct SctpArrival {
    /// Offset of the datagram in the inbox arena.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
    /// The transport that received it.
    pub transport: Entity,
}

impl SctpArrival {
    /// The byte range of the datagram in the inbox arena.
    pub fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// Media packets that a stream owns, in order of arrival. Filled by Demux, marked by Receive, read
/// by Forward.
#[derive(Resource, Debug, Default)]
pub struct Media(pub Vec<MediaPacket>);

/// A media packet of a stream.
#[derive(Clone, Copy, Debug)]
pub struct MediaPacket {
    /// Offset of the packet in the inbox arena.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
    /// Its header.
    pub header: RtpHeader,
    /// The transport that received it.
    pub transport: Entity,
    /// Its producer.
    pub producer: Entity,
    /// Its stream.
    pub stream: Entity,
    /// It carries a retransmission (RFC 4588).
    pub retransmission: bool,
    /// What consumers call its payload type; marked by Receive.
    pub payload_type: u8,
    /// How its sequence number goes with those before; marked by Receive.
    pub arrival: Arrival,
    /// It begins a key frame; marked by Receive.
    pub key_frame: bool,
    /// What it says of its frame; marked by Receive.
    pub descriptor: Descriptor,
    /// Its stream accepted it; marked by Receive.
    pub accepted: bool,
    /// Why a system of the application lets it go no further.
    pub veto: Option<Veto>,
    /// Its stream's history has it already; marked by Forward.
    pub duplicate: bool,
    /// The next accepted packet of the same stream in this tick; marked by Receive.
    pub next: Option<u32>,
}

/// What is known of a packet, wherever its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketFacts {
    /// Its header, as received or restored from a retransmission.
    pub header: RtpHeader,
    /// What consumers call its payload type.
    pub payload_type: u8,
    /// It begins a key frame.
    pub key_frame: bool,
    /// What it says of its frame.
    pub descriptor: Descriptor,
}

crate::snapshot::state! { struct PacketFacts { header, payload_type, key_frame, descriptor } }

impl MediaPacket {
    /// What is known of it.
    pub fn facts(&self) -> PacketFacts {
        PacketFacts {
            header: self.header,
            payload_type: self.payload_type,
            key_frame: self.key_frame,
            descriptor: self.descriptor,
        }
    }

    /// Where the packet lies in the inbox arena.
    pub fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// The streams that accepted packets in this tick, in order of their first one.
///
/// Filled by Receive, read by it, Score, Forward and Feedback. What is not in it costs the tick nothing.
#[derive(Resource, Debug, Default)]
pub struct Touched {
    /// The streams.
    pub streams: Vec<TouchedStream>,
    /// A sender of packets negotiated header extensions that tell of more than one of them: capture
    /// times, or how a camera is held. Marked by Demux, read by Receive.
    pub tells: bool,
    /// Packets of a producer are traced. Marked and read by Receive.
    pub traced: bool,
    /// Streams that packets came for in this tick miss some. Marked by Receive, and by whoever else adds
    /// to [`Missing`](crate::Missing); read by Feedback.
    pub misses: bool,
}

impl Touched {
    /// Nothing was accepted yet; the memory is kept.
    pub fn clear(&mut self) {
        self.streams.clear();
        (self.tells, self.traced, self.misses) = (false, false, false);
    }
}

/// A stream and its packets of this tick: a chain through [`Media`].
#[derive(Clone, Copy, Debug)]
pub struct TouchedStream {
    /// The stream.
    pub stream: Entity,
    /// Its producer.
    pub producer: Entity,
    /// Index of its first packet in [`Media`].
    pub first: u32,
    /// Index of its last packet.
    pub last: u32,
    /// How many there are.
    pub count: u32,
}

/// Walks the packets of a touched stream.
pub fn chain(media: &Media, touched: TouchedStream) -> impl Iterator<Item = &MediaPacket> {
    indexed_chain(media, touched).map(|(_, packet)| packet)
}

/// Walks the packets of a touched stream, each with its index in [`Media`].
pub fn indexed_chain(
    media: &Media,
    touched: TouchedStream,
) -> impl Iterator<Item = (u32, &MediaPacket)> {
    let mut next = Some(touched.first);
    std::iter::from_fn(move || {
        let index = next?;
        let packet = &media.0[index as usize];
        next = packet.next;
        Some((index, packet))
    })
}
