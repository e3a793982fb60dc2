//! A layered producer, and a consumer of it.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::components::wire::rtcp::{SenderInfo, write_sender_report};
use flumen::rtp_parameters::{
    HeaderExtension, MediaKind, RtpHeaderExtensionParameters, RtpParameters,
};
use flumen::{
    ConsumerId, ConsumerLayers, ConsumerOptions, Event, PreferredLayers, ProducerId, TransportId,
};
use flumen_sim::Draw;
use flumen_sim::coding::{
    Coded, DependencyEncoder, Encoder, Format, FrameId, Stacking, Vp8Encoder, Vp9Encoder, Vp9Mode,
    Wrapping,
};

use super::frame::{Frame, name, named};
use super::receiver::{Path, Receiver};
use crate::call::{Left, RECEIVER, Request, SENDER, requests_to, rtp_to};
use crate::feedback::pli;
use crate::noise::Noise;
use crate::packet::Packet;
use crate::parameters::{encoding_of, video, vp8 as vp8_parameters};
use crate::room::{Received, Room, address};

/// A call in VP8 simulcast or VP9 in layers, frame by frame.
pub struct LayeredCall {
    /// Where it is.
    pub room: Room,
    /// The producer's transport.
    pub sender: TransportId,
    /// The producer.
    pub producer: ProducerId,
    /// The consumer's transport.
    pub receiver: TransportId,
    /// The consumer.
    pub consumer: ConsumerId,
    /// Its encodings, the lowest first.
    pub sources: Vec<Source>,
    /// Every frame that was made.
    pub made: Vec<Frame>,
    /// What the consumer sent.
    pub received: Receiver,
    /// What the sender was asked for, and when in milliseconds.
    pub requests: Vec<(u64, Request)>,
    /// How many milliseconds lie between two frames.
    pub interval: u64,
    /// What is missing is asked for, and packets are lost on the way to the consumer.
    pub repairs: bool,
    /// The newest frame number of all encodings, where they share one count.
    shared: Option<u16>,
    /// Packets that come later, and by how many pictures.
    late: Vec<(u64, Packet)>,
    pub(super) noise: Noise,
}

/// An encoding.
pub struct Source {
    /// What makes its frames.
    pub encoder: Encoder,
    /// Its SSRC.
    pub ssrc: u32,
    /// The sequence number of its next packet.
    pub sequence: u16,
    /// It sends.
    pub is_live: bool,
    /// How many frames it takes until a key frame that was asked for comes.
    pub reaction: u8,
    /// The RTP timestamp at time zero.
    clock: u32,
    key_due: Option<u8>,
    /// Its packets wait so many milliseconds for its reports to be about what arrives.
    pub lag: u64,
}

/// The identifier under which encoders send dependency descriptors.
pub const DEPENDENCIES: u8 = 12;
/// The identifier under which routers forward them.
pub const FORWARDED_DEPENDENCIES: u8 = 7;

/// So many pictures a packet is late at most.
const LATE_MAX: u64 = 5;
/// After so long a request that brought nothing is made again.
const KEY_FRAME_INTERVAL_MS: u64 = 1_000;

/// An encoder whose frames are harder to follow than they need be.
fn stray(mut encoder: Encoder) -> Encoder {
    match &mut encoder {
        Encoder::Vp8(_) => {}
        Encoder::Vp9(encoder) => encoder.is_stray = true,
        Encoder::Dependent(encoder) => encoder.is_stray = true,
    }
    encoder
}

/// Has a receiver that does not take dependency descriptors.
pub fn ignoring_descriptors(mut options: ConsumerOptions) -> ConsumerOptions {
    let uri = HeaderExtension::DependencyDescriptor.uri();
    let extensions = &mut options.rtp_capabilities.header_extensions;
    extensions.retain(|extension| extension.uri != uri);
    options
}

/// The SSRC of an encoding.
pub fn ssrc_of(encoding: usize) -> u32 {
    1_000 * (encoding as u32 + 1)
}

fn parameters(encodings: usize, mode: &str) -> RtpParameters {
    let mut parameters = vp8_parameters(0);
    let encoding = |index| {
        let mut encoding = encoding_of(ssrc_of(index));
        encoding.scalability_mode = Some(mode.into());
        encoding
    };
    parameters.encodings = (0..encodings).map(encoding).collect();
    parameters
}

impl LayeredCall {
    /// Encodings of `temporal` layers each; nothing was sent yet.
    pub fn new(encodings: usize, temporal: u8, seed: u64) -> Self {
        Self::with(encodings, temporal, seed, |options| options)
    }

    /// The same with other options of the consumer.
    pub fn with(
        encodings: usize,
        temporal: u8,
        seed: u64,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        let mut noise = Noise::new(seed);
        let encoder = |_| Encoder::Vp8(Vp8Encoder::new(temporal, &mut noise));
        let encoders = (0..encodings).map(encoder).collect();
        let parameters = parameters(encodings, &format!("L1T{temporal}"));
        Self::of(encoders, Format::Vp8, parameters, noise, options)
    }

    /// The same of a sender that does not tell how many layers there are.
    pub fn undeclared(encodings: usize, temporal: u8, seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let encoder = |_| Encoder::Vp8(Vp8Encoder::new(temporal, &mut noise));
        let encoders = (0..encodings).map(encoder).collect();
        let mut parameters = parameters(encodings, "");
        for encoding in &mut parameters.encodings {
            encoding.scalability_mode = None;
        }
        Self::of(encoders, Format::Vp8, parameters, noise, |options| options)
    }

    /// Three encodings of VP9 in three temporal layers, each without spatial ones; nothing was sent
    /// yet.
    pub fn vp9_simulcast(mode: Vp9Mode, seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let encoder = |_| Encoder::Vp9(Vp9Encoder::new(mode, (1, 3), &mut noise));
        let encoders = (0..3).map(encoder).collect();
        let mut parameters = parameters(3, "L1T3");
        parameters.codecs[0].mime_type = "video/VP9".into();
        Self::of(encoders, Format::Vp9, parameters, noise, |options| options)
    }

    /// A producer of VP9 in three spatial and three temporal layers; nothing was sent yet.
    pub fn vp9(mode: Vp9Mode, seed: u64) -> Self {
        Self::vp9_with(mode, seed, |options| options)
    }

    /// The same in so many spatial and temporal layers.
    pub fn vp9_in(mode: Vp9Mode, layers: (u8, u8), seed: u64) -> Self {
        Self::vp9_of(mode, layers, seed, |options| options)
    }

    /// The same with other options of the consumer.
    pub fn vp9_with(
        mode: Vp9Mode,
        seed: u64,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        Self::vp9_of(mode, (3, 3), seed, options)
    }

    fn vp9_of(
        mode: Vp9Mode,
        layers: (u8, u8),
        seed: u64,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        let mut noise = Noise::new(seed);
        let encoder = Encoder::Vp9(Vp9Encoder::new(mode, layers, &mut noise));
        let mut parameters = video("VP9", ssrc_of(0));
        parameters.encodings[0].scalability_mode = Some(mode.stacking.mode(layers));
        Self::of(vec![encoder], Format::Vp9, parameters, noise, options)
    }

    /// A producer that tells layers in dependency descriptors: one encoding of three spatial layers;
    /// nothing was sent yet.
    pub fn svc(wrapping: Wrapping, stacking: Stacking, seed: u64) -> Self {
        Self::svc_in(wrapping, stacking, (3, 3), seed)
    }

    /// The same in so many spatial and temporal layers.
    pub fn svc_in(wrapping: Wrapping, stacking: Stacking, layers: (u8, u8), seed: u64) -> Self {
        let mode = (&*stacking.mode(layers), stacking);
        Self::dependent((wrapping, 1, layers), mode, seed, |options| options)
    }

    /// The same of so many encodings without spatial layers, and with other options.
    pub fn temporal(
        wrapping: Wrapping,
        encodings: usize,
        seed: u64,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        Self::dependent(
            (wrapping, encodings, (1, 3)),
            ("L1T3", Stacking::Full),
            seed,
            options,
        )
    }

    /// The same of a sender that has no descriptors, and one temporal layer in each encoding.
    pub fn mute(wrapping: Wrapping, encodings: usize, seed: u64) -> Self {
        let mode = ("L1T1", Stacking::Full);
        let mut call =
            Self::dependent((wrapping, encodings, (1, 3)), mode, seed, |options| options);
        for source in &mut call.sources {
            if let Encoder::Dependent(encoder) = &mut source.encoder {
                encoder.is_mute = true;
            }
        }
        call
    }

    /// The same with other options of the consumer.
    pub fn dependent(
        (wrapping, encodings, layers): (Wrapping, usize, (u8, u8)),
        (mode, stacking): (&str, Stacking),
        seed: u64,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        let mut noise = Noise::new(seed);
        let encoder = |_| DependencyEncoder::new(wrapping, layers, stacking, &mut noise);
        let encoders = (0..encodings)
            .map(encoder)
            .map(Encoder::Dependent)
            .collect();
        let codec = match wrapping {
            Wrapping::Av1 => "AV1",
            Wrapping::H264 => "H264",
            Wrapping::H265 => "H265",
            Wrapping::Vp8 => "VP8",
        };
        let extension = HeaderExtension::DependencyDescriptor.uri();
        let mut given = video(codec, 0);
        given.encodings = parameters(encodings, mode).encodings;
        given
            .header_extensions
            .push(RtpHeaderExtensionParameters::new(extension, DEPENDENCIES));
        Self::of(encoders, Format::Dependencies, given, noise, options)
    }

    fn of(
        encoders: Vec<Encoder>,
        format: Format,
        parameters: RtpParameters,
        mut noise: Noise,
        options: impl FnOnce(ConsumerOptions) -> ConsumerOptions,
    ) -> Self {
        let mut room = Room::new();
        let sender = room.plain(address(SENDER));
        let producer = room.produce(sender, MediaKind::Video, parameters);
        let receiver = room.plain(address(RECEIVER));
        let options = options(ConsumerOptions::new(producer, room.capabilities()));
        let consumer = room
            .engine
            .consume(receiver, options)
            .expect("it can be consumed");
        let source = |(index, encoder)| Source {
            encoder: stray(encoder),
            ssrc: ssrc_of(index),
            sequence: noise.below(1 << 16) as u16,
            is_live: true,
            reaction: 0,
            clock: noise.below(1 << 32) as u32,
            key_due: Some(0),
            lag: 0,
        };
        let sources = encoders.into_iter().enumerate().map(source).collect();
        room.engine.drain_events();
        Self {
            room,
            sender,
            producer,
            receiver,
            consumer,
            sources,
            made: Vec::new(),
            received: Receiver::new(format),
            repairs: false,
            requests: Vec::new(),
            interval: 33,
            shared: None,
            late: Vec::new(),
            noise,
        }
    }

    /// Encodings that tell their clocks from the beginning, after two frames.
    pub fn running(encodings: usize, temporal: u8, seed: u64) -> Self {
        Self::new(encodings, temporal, seed).begun()
    }

    /// The same after two pictures, and with clocks that were told.
    pub fn begun(mut self) -> Self {
        self.run(1);
        self.report();
        self.run(1);
        self
    }

    /// All encodings number their frames together, as those of libwebrtc do.
    pub fn numbered_together(mut self) -> Self {
        self.shared = Some(self.noise.below(1 << 16) as u16);
        self
    }

    /// Milliseconds since the beginning.
    pub fn millis(&self) -> u64 {
        self.room.now.as_millis()
    }

    /// Lets packets arrive, ticks a millisecond later, and tells what left.
    pub fn send(&mut self, packets: &[Packet]) -> Left {
        for packet in packets {
            self.room.arrive(self.sender, packet);
        }
        self.tick_after(Duration::from_millis(1))
    }

    /// The SSRC of the consumer.
    pub fn consumer_ssrc(&self) -> u32 {
        let parameters = self.room.engine.consumer_parameters(self.consumer);
        let encodings = &parameters.expect("it is open").encodings;
        encodings[0].ssrc.expect("it has one")
    }

    /// So many frames of every live encoding, each picture in a tick of its own.
    pub fn run(&mut self, pictures: usize) {
        for _ in 0..pictures {
            for index in 0..self.sources.len() {
                for packet in self.encode(index) {
                    self.room.arrive(self.sender, &packet);
                }
            }
            self.tick_after(Duration::from_millis(self.interval));
        }
    }

    /// The packets of the next frames of all encodings.
    pub fn encode_all(&mut self) -> Vec<Packet> {
        (0..self.sources.len())
            .flat_map(|index| self.encode(index))
            .collect()
    }

    /// The frame that a packet is of.
    pub fn frame_of(&self, packet: &Packet) -> &Frame {
        &self.made[named(packet).0 as usize]
    }

    /// These packets never arrive.
    pub fn lose(&mut self, packets: &[Packet]) {
        for packet in packets {
            let (id, index) = named(packet);
            self.made[id as usize].lost |= 1 << index;
        }
    }

    /// These packets come late.
    pub fn delay(&mut self, packets: &[Packet]) {
        for packet in packets {
            let (id, index) = named(packet);
            self.made[id as usize].late |= 1 << index;
        }
    }

    /// The next picture of every encoding, its packets in some order that leaves each encoding's as
    /// it is, in a few ticks. On a lossy path some of them are lost, or come later.
    pub fn stir(&mut self, path: Path) {
        let mut streams: Vec<VecDeque<Packet>> = (0..self.sources.len())
            .map(|index| self.encode(index).into())
            .collect();
        self.late.iter_mut().for_each(|(wait, _)| *wait -= 1);
        let (due, late) = self.late.drain(..).partition(|(wait, _)| *wait == 0);
        self.late = late;
        let due: Vec<(u64, Packet)> = due;
        streams.push(due.into_iter().map(|(_, packet)| packet).collect());
        let mut left = self.interval;
        let late = streams.len() - 1;
        while streams.iter().any(|stream| !stream.is_empty()) {
            let stream = self.noise.below(streams.len() as u64) as usize;
            let Some(packet) = streams[stream].pop_front() else {
                continue;
            };
            match self.noise.below(100) {
                0..2 if path == Path::Lossy && stream != late => self.lose(&[packet]),
                2..5 if path != Path::Clean && stream != late => {
                    let wait = 1 + self.noise.below(LATE_MAX);
                    self.delay(std::slice::from_ref(&packet));
                    self.late.push((wait, packet));
                }
                _ => self.room.arrive(self.sender, &packet),
            }
            if left > 1 && self.noise.below(4) == 0 {
                left -= 1;
                self.tick_after(Duration::from_millis(1));
            }
        }
        self.tick_after(Duration::from_millis(left));
        if self.repairs {
            self.ask_for_missing();
        }
    }

    /// Something happens that an application, a sender or a receiver may do.
    pub fn do_anything(&mut self, path: Path) {
        let source = self.noise.below(self.sources.len() as u64) as usize;
        let (spatial, temporal) = (self.noise.below(3), self.noise.below(4));
        if self.noise.below(12) == 0 {
            // An encoder adds and leaves out layers.
            let layers = 1 + self.noise.below(3) as u8;
            self.sources[source].set_spatial(layers);
        }
        match self.noise.below(20) {
            0 => {
                let source = &mut self.sources[source];
                source.is_live = !source.is_live || self.noise.below(3) > 0;
            }
            1 => self.sources[source].begin_anew(),
            2 => self.sources[source].reaction = self.noise.below(4) as u8,
            3 => self.report_of(source),
            // What is late, or has lost the beginning of its key frame, could be of either count.
            6 if path == Path::Clean && self.noise.below(8) == 0 => {
                self.sources[source].count_anew();
            }
            // What is late when it pauses does not come any more.
            4 if self.late.is_empty() && self.noise.below(4) == 0 => {
                self.repair();
                let paused = self.room.engine.pause_consumer(self.consumer);
                paused.expect("it is open");
                self.stir(Path::Clean);
                let resumed = self.room.engine.resume_consumer(self.consumer);
                resumed.expect("it is open");
            }
            5 => {
                let request = pli(self.consumer_ssrc());
                self.room.arrive_bytes(self.receiver, &request);
            }
            _ => self.prefer(spatial as u8, (temporal < 3).then_some(temporal as u8)),
        }
    }

    /// All encodings are sent, and answer requests with their next frame; the consumer wishes for all
    /// layers.
    pub fn calm(&mut self) {
        for source in &mut self.sources {
            (source.is_live, source.reaction) = (true, 0);
        }
        self.prefer(2, Some(2));
    }

    /// How many packets the consumer got.
    pub fn received(&self) -> usize {
        self.received.count()
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.noise.below(end)
    }

    /// The packets of the next frame of an encoding; none when it does not send.
    pub fn encode(&mut self, index: usize) -> Vec<Packet> {
        let source = &mut self.sources[index];
        let captured = self.room.now.as_millis().saturating_sub(source.lag);
        if !source.is_live {
            return Vec::new();
        }
        let is_key = source.key_due == Some(0);
        source.key_due = source.key_due.and_then(|due| due.checked_sub(1));
        let id = self.made.len() as FrameId;
        let count = |noise: &mut dyn Draw, _| 1 + noise.below(3) as u8;
        if let (Some(number), Encoder::Dependent(encoder)) = (self.shared, &mut source.encoder) {
            encoder.go_on_from(number);
        }
        let frames = source.encoder.encode(id, is_key, &mut self.noise, count);
        if let (Some(number), Some(newest)) = (&mut self.shared, frames.last()) {
            *number = newest.frame.number;
        }
        let mut packets = Vec::new();
        for Coded { frame, heads } in frames {
            let id = self.made.len() as FrameId;
            self.made.push(Frame {
                coded: frame,
                encoder: index,
                captured,
                lost: 0,
                late: 0,
            });
            for (index, mut head) in heads.into_iter().enumerate() {
                head.payload.extend(name(id, index));
                source.sequence = source.sequence.wrapping_add(1);
                let packet = Packet::new(96, source.sequence, source.ssrc, &head.payload);
                let mut packet = packet.at(source.timestamp(captured));
                if !head.dependencies.is_empty() {
                    packet.two_byte = head.dependencies.len() > 16;
                    packet = packet.with_extension(DEPENDENCIES, &head.dependencies);
                }
                packets.push(packet);
            }
        }
        if let Some(last) = packets.last_mut() {
            last.marker = true;
        }
        packets
    }

    /// Every encoding tells its clock.
    pub fn report(&mut self) {
        for index in 0..self.sources.len() {
            self.report_of(index);
        }
    }

    /// An encoding tells its clock.
    pub fn report_of(&mut self, index: usize) {
        let (millis, source) = (self.millis(), &self.sources[index]);
        let info = SenderInfo {
            ssrc: source.ssrc,
            ntp: (5_000 << 32) + (millis << 32) / 1_000,
            rtp_timestamp: source.timestamp(millis),
            packet_count: 1,
            octet_count: 1,
        };
        let mut bytes = Vec::new();
        write_sender_report(&mut bytes, &info);
        self.room.arrive_bytes(self.sender, &bytes);
    }

    /// Ticks `span` later; what left is taken in.
    pub fn tick_after(&mut self, span: Duration) -> Left {
        self.room.tick_after(span);
        let received = self.room.received();
        self.take(&received)
    }

    /// Takes in what the engine sent.
    pub fn take(&mut self, received: &[Received]) -> Left {
        let left = Left {
            packets: rtp_to(received, address(RECEIVER)),
            requests: requests_to(received, address(SENDER)),
        };
        self.deliver(&left.packets);
        let now = self.millis();
        for &request in &left.requests {
            let (Request::Pli(ssrc) | Request::Fir(ssrc, _)) = request;
            let asked = self.sources.iter_mut().find(|source| source.ssrc == ssrc);
            let source = asked.expect("a key frame of an encoding");
            source.key_due = source.key_due.or(Some(source.reaction));
        }
        self.requests
            .extend(left.requests.iter().map(|&request| (now, request)));
        left
    }

    /// Wishes for layers.
    pub fn prefer(&mut self, spatial_layer: u8, temporal_layer: Option<u8>) {
        let layers = PreferredLayers {
            spatial_layer,
            temporal_layer,
        };
        let engine = &mut self.room.engine;
        engine
            .set_preferred_layers(self.consumer, layers)
            .expect("it is open");
    }

    /// The layers that the consumer gets.
    pub fn current(&self) -> Option<(u8, u8)> {
        let layers = self
            .room
            .engine
            .current_layers(self.consumer)
            .expect("it is open");
        layers.map(pair)
    }

    /// The layers that events told since the last call.
    pub fn told(&mut self) -> Vec<Option<(u8, u8)>> {
        let events = self.room.engine.drain_events().into_iter();
        let layers = |event| match event {
            Event::LayersChanged(event) => Some(event.layers.map(pair)),
            _ => None,
        };
        events.filter_map(layers).collect()
    }

    /// The encodings of the frames that were received, each with how many there are in a row.
    ///
    /// # Panics
    ///
    /// When anything was received that cannot be decoded.
    pub fn decoded(&self, path: Path) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for frame in self.received.decode(&self.made, path) {
            let encoder = self.made[frame.id as usize].encoder;
            match runs.last_mut().filter(|(last, _)| *last == encoder) {
                Some((_, count)) => *count += 1,
                None => runs.push((encoder, 1)),
            }
        }
        runs
    }

    /// What the consumer got from its newest key picture on ends each picture.
    ///
    /// # Panics
    ///
    /// When it does not, or no key picture came.
    pub fn check_ends(&self) {
        let packets: Vec<&Packet> = self.received.packets().collect();
        let is_key = |packet: &&Packet| self.frame_of(packet).is_key;
        let newest = packets.iter().rposition(is_key).expect("a key picture");
        let picture = packets[newest].timestamp;
        let begun = packets.iter().skip_while(|it| it.timestamp != picture);
        let begun: Vec<_> = begun.collect();
        for pair in begun.windows(2) {
            let is_last = pair[0].timestamp != pair[1].timestamp;
            assert_eq!(pair[0].marker, is_last, "{:?}", self.frame_of(pair[0]));
        }
    }

    /// A stream was asked for key frames no more often than once a round trip: again when one has
    /// come since, or not for a second.
    ///
    /// # Panics
    ///
    /// When it was.
    pub fn check_requests(&self, path: Path) {
        // So long a frame is on its way.
        let way = match path {
            Path::Clean => self.interval,
            _ => self.interval * (1 + LATE_MAX),
        };
        for (index, source) in self.sources.iter().enumerate() {
            let asked = self.requests.iter().filter(|(_, request)| {
                let (Request::Pli(ssrc) | Request::Fir(ssrc, _)) = *request;
                ssrc == source.ssrc
            });
            let asked: Vec<u64> = asked.map(|(at, _)| *at).collect();
            let is_key = |frame: &&Frame| frame.is_key && frame.encoder == index;
            let keys = || self.made.iter().filter(is_key).map(|frame| frame.captured);
            for pair in asked.windows(2) {
                let between = pair[0].saturating_sub(way)..=pair[1];
                let has_come = || keys().any(|at| between.contains(&at));
                let is_apart = pair[1] - pair[0] >= KEY_FRAME_INTERVAL_MS;
                assert!(is_apart || has_come(), "encoding {index} at {pair:?} ms");
            }
        }
    }

    /// How many key frames of an encoding were asked for.
    pub fn asked(&self, encoding: usize) -> usize {
        let of = |(_, request): &&(u64, Request)| *request == Request::Pli(ssrc_of(encoding));
        self.requests.iter().filter(of).count()
    }
}

impl Source {
    /// The RTP timestamp of what is captured at this time.
    pub fn timestamp(&self, millis: u64) -> u32 {
        self.clock.wrapping_add(millis as u32 * 90)
    }

    /// The RTP timestamp at time zero is another.
    pub fn set_clock(&mut self, clock: u32) {
        self.clock = clock;
    }

    /// Its RTP timestamps jump.
    pub fn shift_clock(&mut self, by: u32) {
        self.clock = self.clock.wrapping_add(by);
    }

    /// These packets are never sent: the next ones get their numbers.
    pub fn skip(&mut self, packets: &[Packet]) {
        self.sequence = self.sequence.wrapping_sub(packets.len() as u16);
    }

    /// It takes so many frames until a key frame that was asked for comes.
    pub fn set_reaction(&mut self, frames: u8) {
        self.reaction = frames;
    }

    /// It has one temporal layer (VP9).
    pub fn flatten(&mut self) {
        if let Encoder::Vp9(encoder) = &mut self.encoder {
            encoder.temporal = 1;
        }
    }

    /// What it tells of its groups says of no picture what that refers to (VP9).
    pub fn obscure(&mut self) {
        if let Encoder::Vp9(encoder) = &mut self.encoder {
            encoder.is_vague = true;
        }
    }

    /// Its encoder begins anew, with a key picture and numbers before the newest.
    pub fn count_anew(&mut self) {
        match &mut self.encoder {
            Encoder::Vp8(_) => {}
            Encoder::Vp9(encoder) => encoder.count_anew(),
            Encoder::Dependent(encoder) => encoder.count_anew(),
        }
        self.begin_anew();
    }

    /// Its picture ids have seven bits.
    pub fn shorten_ids(&mut self) {
        match &mut self.encoder {
            Encoder::Vp8(encoder) => encoder.is_short = true,
            Encoder::Vp9(encoder) => encoder.is_short = true,
            Encoder::Dependent(_) => {}
        }
    }

    /// It makes so many spatial layers.
    pub fn set_spatial(&mut self, layers: u8) {
        if self.encoder.set_spatial(layers) {
            self.begin_anew();
        }
    }

    /// It leaves a spatial layer out of those that it makes; none again.
    pub fn leave_out(&mut self, layer: Option<u8>) {
        match &mut self.encoder {
            Encoder::Vp8(_) => {}
            Encoder::Vp9(encoder) => encoder.absent = layer,
            Encoder::Dependent(encoder) => encoder.absent = layer,
        }
    }

    /// The lowest spatial layer that it makes of those that stand alone is this one (dependency
    /// descriptors).
    pub fn begin_at(&mut self, layer: u8) {
        if let Encoder::Dependent(encoder) = &mut self.encoder {
            encoder.lowest = layer;
        }
        self.begin_anew();
    }

    /// It does not tell which spatial layers it makes (dependency descriptors).
    pub fn keep_silent(&mut self) {
        if let Encoder::Dependent(encoder) = &mut self.encoder {
            encoder.is_tacit = true;
        }
    }

    /// Its next frame is a key frame.
    pub fn begin_anew(&mut self) {
        self.key_due = Some(0);
    }
}

fn pair(layers: ConsumerLayers) -> (u8, u8) {
    (layers.spatial_layer, layers.temporal_layer)
}
