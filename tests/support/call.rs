//! The smallest call: one producer, one consumer, each on a plain transport of its own.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtcp::{RtcpPacket, packets, write_fir, write_pli};
use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::stats::{InboundRtpStats, OutboundRtpStats, RtpStats};
use flumen::{ConsumerId, ProducerId, TransportId};

use crate::packet::Packet;
use crate::parameters::{opus, vp8};
use crate::room::{Received, Room, address};

/// The SSRC of a call's producer.
pub const SSRC: u32 = 2_222;
/// Where a call's producer sends from.
pub const SENDER: u16 = 5_000;
/// Where a call's consumer is received.
pub const RECEIVER: u16 = 6_000;

/// A producer and its consumer.
pub struct Call {
    /// Where they are.
    pub room: Room,
    /// The producer's transport.
    pub sender: TransportId,
    /// The producer.
    pub producer: ProducerId,
    /// The consumer's transport.
    pub receiver: TransportId,
    /// The consumer.
    pub consumer: ConsumerId,
}

/// What the engine asked a sender for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A picture loss indication for this SSRC.
    Pli(u32),
    /// A full intra request for this SSRC, with its sequence number.
    Fir(u32, u8),
}

/// What left in a tick.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// RTP to the receiver.
    pub packets: Vec<Packet>,
    /// Key frame requests to the sender.
    pub requests: Vec<Request>,
}

impl Call {
    /// A call in a producer's parameters.
    pub fn of(kind: MediaKind, parameters: RtpParameters) -> Self {
        Self::inside(Room::new(), kind, parameters)
    }

    /// The same in a room whose engine was built with more.
    pub fn inside(mut room: Room, kind: MediaKind, parameters: RtpParameters) -> Self {
        let sender = room.plain(address(SENDER));
        let producer = room.produce(sender, kind, parameters);
        let receiver = room.plain(address(RECEIVER));
        let consumer = room.consume(receiver, producer);
        room.engine.drain_events();
        Self {
            room,
            sender,
            producer,
            receiver,
            consumer,
        }
    }

    /// An Opus call.
    pub fn audio() -> Self {
        Self::of(MediaKind::Audio, opus(SSRC))
    }

    /// A VP8 call.
    pub fn video() -> Self {
        Self::of(MediaKind::Video, vp8(SSRC))
    }

    /// Lets packets arrive, ticks a millisecond later, and tells what left.
    pub fn send(&mut self, packets: &[Packet]) -> Left {
        for packet in packets {
            self.room.arrive(self.sender, packet);
        }
        self.tick_after(Duration::from_millis(1))
    }

    /// Lets a packet with this sequence number and payload arrive, and ticks.
    pub fn send_payload(&mut self, sequence: u16, payload: &[u8]) -> Left {
        let parameters = self.room.engine.producer_parameters(self.producer);
        let payload_type = parameters.expect("it is open").codecs[0].payload_type;
        self.send(&[Packet::new(payload_type, sequence, SSRC, payload)])
    }

    /// Ticks `span` later, and tells what left.
    pub fn tick_after(&mut self, span: Duration) -> Left {
        self.room.tick_after(span);
        let received = self.room.received();
        Left {
            packets: rtp_to(&received, address(RECEIVER)),
            requests: requests_to(&received, address(SENDER)),
        }
    }

    /// The consumer's SSRC.
    pub fn consumer_ssrc(&self) -> u32 {
        let parameters = self.room.engine.consumer_parameters(self.consumer);
        parameters.expect("it is open").encodings[0]
            .ssrc
            .expect("it has one")
    }

    /// Lets the receiver ask for a key frame.
    pub fn ask_by_pli(&mut self) {
        let mut bytes = Vec::new();
        write_pli(&mut bytes, 1, self.consumer_ssrc());
        self.room.arrive_bytes(self.receiver, &bytes);
    }

    /// Lets the receiver demand a key frame.
    pub fn ask_by_fir(&mut self, sequence: u8) {
        let mut bytes = Vec::new();
        write_fir(&mut bytes, 1, self.consumer_ssrc(), sequence);
        self.room.arrive_bytes(self.receiver, &bytes);
    }

    /// The statistics of the producer's only stream.
    pub fn inbound(&self) -> InboundRtpStats {
        let stats = self.room.engine.producer_stats(self.producer);
        match stats.expect("it is open").as_slice() {
            [RtpStats::Inbound(stats)] => stats.clone(),
            other => panic!("{other:?} is not of one received stream"),
        }
    }

    /// The statistics of what the consumer sends.
    pub fn outbound(&self) -> OutboundRtpStats {
        let stats = self.room.engine.consumer_stats(self.consumer);
        match stats.expect("it is open").first() {
            Some(RtpStats::Outbound(stats)) => stats.clone(),
            other => panic!("{other:?} is not of a sent stream"),
        }
    }
}

/// The RTP packets among `received` that went to `to`.
pub fn rtp_to(received: &[Received], to: SocketAddr) -> Vec<Packet> {
    let mine = received.iter().filter(|datagram| datagram.to == to);
    let rtp = mine.filter(|datagram| classify(&datagram.bytes) == Some(PacketKind::Rtp));
    rtp.map(|datagram| Packet::parse(&datagram.bytes)).collect()
}

/// The key frame requests among `received` that went to `to`.
pub fn requests_to(received: &[Received], to: SocketAddr) -> Vec<Request> {
    let mine = received.iter().filter(|datagram| datagram.to == to);
    let rtcp = mine.filter(|datagram| classify(&datagram.bytes) == Some(PacketKind::Rtcp));
    rtcp.flat_map(|datagram| requests_in(&datagram.bytes))
        .collect()
}

/// The key frame requests in an RTCP datagram.
pub fn requests_in(datagram: &[u8]) -> Vec<Request> {
    let mut requests = Vec::new();
    for packet in packets(datagram) {
        match packet.expect("the engine sends well-formed RTCP") {
            RtcpPacket::Pli(pli) => requests.push(Request::Pli(pli.media_ssrc)),
            RtcpPacket::Fir(fir) => requests.extend(
                fir.entries()
                    .map(|entry| Request::Fir(entry.ssrc, entry.sequence_number)),
            ),
            _ => {}
        }
    }
    requests
}
