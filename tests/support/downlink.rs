//! A receiver behind a bottleneck, and a sender that follows what is made of its path.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::components::rtp_parameters::{HeaderExtension, router_id};
use flumen::components::wire::classify::{PacketKind, classify};
use flumen::components::wire::rtcp::{Arrival, write_transport_feedback};
use flumen::components::wire::rtp::RtpHeader;
use flumen::components::{ArrivalHistory, Demand, OutgoingEstimate, Probation, find};
use flumen::rtp_parameters::MediaKind;
use flumen::{Builder, ConsumerId, ConsumerOptions, ProducerId, Time, TransportId};
use flumen_sim::Link;

use crate::packet::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
use crate::parameters::{vp8, with_retransmissions};
use crate::path::Path;
use crate::room::{Room, address};

/// A room in which one receiver gets one video over a bottleneck, and tells when packets arrived
/// every tenth of a second.
pub struct Downlink {
    /// The room.
    pub room: Room,
    /// The transport of the receiver.
    pub receiver: TransportId,
    /// The transport of the sender.
    pub sender: TransportId,
    /// What the receiver gets.
    pub producer: ProducerId,
    /// How it gets it.
    pub consumer: ConsumerId,
    /// The path to the receiver.
    pub path: Path,
    /// What the receiver makes of what it tells.
    pub lie: fn(&mut Vec<Arrival>),
    /// How a millisecond passes.
    pub tick: fn(&mut Room),
    /// Feedback gets lost.
    pub is_mute: bool,
    /// Bytes of RTP that reached the receiver: all, and those of padding.
    pub received_bytes: u64,
    /// See `received_bytes`.
    pub padding_bytes: u64,
    /// Bytes of padding that was of the stream for that.
    pub probation_bytes: u64,
    rtx_ssrc: Option<u32>,
    arrivals: ArrivalHistory,
    feedback: VecDeque<(Time, Vec<u8>)>,
    next_feedback: Time,
    feedback_count: u8,
    sequence: u16,
    next_packet: Time,
}

const SENDER: u16 = 5_000;
const RECEIVER: u16 = 6_000;
const SSRC: u32 = 2_222;
const PAYLOAD: usize = 1_150;
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
/// What a sender that paused does not send after all.
const CATCH_UP_NANOS: u64 = 5_000_000;
const STEP: Duration = Duration::from_millis(1);

impl Downlink {
    /// A receiver behind `path`.
    pub fn new(path: Link) -> Self {
        Self::with(path, |builder| builder)
    }

    /// A receiver behind `path` of an engine that is built with more.
    pub fn with(path: Link, configure: impl FnOnce(Builder) -> Builder) -> Self {
        Self::inside(Room::with(configure), path)
    }

    /// The same in a room.
    pub fn inside(room: Room, path: Link) -> Self {
        Self::of(room, path, true)
    }

    /// A receiver to which nothing is sent again as another stream.
    pub fn without_retransmissions(path: Link) -> Self {
        Self::of(Room::new(), path, false)
    }

    fn of(mut room: Room, path: Link, is_repeated: bool) -> Self {
        let sender = room.plain(address(SENDER));
        let parameters = with_retransmissions(vp8(SSRC));
        let producer = room.produce(sender, MediaKind::Video, parameters);
        let receiver = room.plain(address(RECEIVER));
        let options = ConsumerOptions {
            enable_rtx: Some(is_repeated),
            ..ConsumerOptions::new(producer, room.capabilities())
        };
        let consumer = room.engine.consume(receiver, options);
        let consumer = consumer.expect("it can be consumed");
        let parameters = room.engine.consumer_parameters(consumer);
        let encoding = &parameters.expect("it is open").encodings[0];
        let rtx_ssrc = encoding.rtx.as_ref().map(|rtx| rtx.ssrc);
        Self {
            room,
            receiver,
            sender,
            producer,
            consumer,
            path: Path::new(path, 7),
            lie: |_| {},
            tick: Room::tick,
            is_mute: false,
            received_bytes: 0,
            padding_bytes: 0,
            probation_bytes: 0,
            rtx_ssrc,
            arrivals: ArrivalHistory::new(4_096),
            feedback: VecDeque::new(),
            next_feedback: Time::ZERO,
            feedback_count: 0,
            sequence: 0,
            next_packet: Time::ZERO,
        }
    }

    /// Lets `packets` packets of a frame arrive in one tick; how many reach the path in each of the
    /// next `ms` milliseconds.
    pub fn burst(&mut self, packets: u16, ms: u64) -> Vec<usize> {
        for _ in 0..packets {
            self.arrive();
        }
        let before = self.path.queued_ms.len();
        let mut left = vec![before];
        for _ in 0..ms {
            self.run(STEP, |_| 0);
            left.push(self.path.queued_ms.len());
        }
        left.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// What the path is believed to carry, in bits a second.
    pub fn available(&self) -> u64 {
        let world = self.room.engine.world();
        let entity = find(world, self.receiver).expect("it is open");
        let path = world.get::<OutgoingEstimate>(entity);
        path.map_or(0, |path| path.estimate().bitrate)
    }

    /// What the receiver would like to have, in bits a second.
    pub fn want(&mut self, bitrate: u64) {
        let world = self.room.engine.world_mut();
        let entity = find(world, self.receiver).expect("it is open");
        let mut demand = world
            .get_mut::<Demand>(entity)
            .expect("its path is estimated");
        demand.wanted = Some(bitrate);
    }

    /// Lets `span` pass while the sender sends `rate(available)` bits a second; what was available
    /// in each millisecond.
    pub fn run(&mut self, span: Duration, rate: impl Fn(u64) -> u64) -> Vec<u64> {
        let end = self.room.now + span;
        let mut available = Vec::new();
        while self.room.now < end {
            let now = self.room.now + STEP;
            self.send(now, rate(self.available()));
            while self.feedback.front().is_some_and(|(at, _)| *at <= now) {
                let told = self.feedback.pop_front();
                let bytes = told.map(|(_, bytes)| bytes).unwrap_or_default();
                self.room.arrive_bytes(self.receiver, &bytes);
            }
            (self.tick)(&mut self.room);
            for datagram in self.room.received() {
                let is_rtp = classify(&datagram.bytes) == Some(PacketKind::Rtp);
                if datagram.to == address(RECEIVER) && is_rtp {
                    self.path.send(now, datagram.bytes.len(), datagram.bytes);
                }
            }
            self.receive(now);
            available.push(self.available());
        }
        available
    }

    fn send(&mut self, now: Time, bitrate: u64) {
        let bytes = PAYLOAD as u64 + 30;
        let earliest = Time::from_nanos(now.as_nanos().saturating_sub(CATCH_UP_NANOS));
        self.next_packet = self.next_packet.max(earliest);
        while bitrate > 0 && self.next_packet <= now {
            self.arrive();
            self.next_packet += Duration::from_nanos(bytes * 8_000_000_000 / bitrate);
        }
    }

    /// A packet of the video arrives.
    fn arrive(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        let frame = match self.sequence {
            1 => VP8_KEY_FRAME,
            _ => VP8_DELTA_FRAME,
        };
        let mut payload = frame.to_vec();
        payload.resize(PAYLOAD, 0xaa);
        let mut packet = Packet::new(96, self.sequence, SSRC, &payload);
        packet.timestamp = (self.room.now.as_millis() * 90) as u32;
        self.room.arrive(self.sender, &packet);
    }

    fn receive(&mut self, now: Time) {
        let id = router_id(HeaderExtension::TransportSequence);
        while let Some((at, bytes)) = self.path.arrival(now) {
            let header = RtpHeader::parse(&bytes).expect("the engine sends RTP");
            let value = header.extension(&bytes, id).expect("it is numbered");
            let number = u16::from_be_bytes([value[0], value[1]]);
            self.arrivals.receive(number, at);
            self.received_bytes += bytes.len() as u64;
            // It asks for nothing again, so what comes again is padding.
            let is_probation = header.ssrc == Probation::SSRC;
            if is_probation || Some(header.ssrc) == self.rtx_ssrc {
                self.padding_bytes += bytes.len() as u64;
            }
            if is_probation {
                self.probation_bytes += bytes.len() as u64;
            }
        }
        if now < self.next_feedback || !self.arrivals.has_news() {
            return;
        }
        self.next_feedback = now + FEEDBACK_INTERVAL;
        let mut arrivals = Vec::new();
        self.arrivals.report(now, &mut arrivals);
        (self.lie)(&mut arrivals);
        let mut bytes = Vec::new();
        write_transport_feedback(&mut bytes, 1, SSRC, self.feedback_count, &arrivals);
        self.feedback_count = self.feedback_count.wrapping_add(1);
        if !self.is_mute {
            self.feedback
                .push_back((now + self.path.link().latency, bytes));
        }
    }
}
