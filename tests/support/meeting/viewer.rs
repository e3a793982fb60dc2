//! A receiver: what arrives, what it makes of it, what it tells and asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use flumen::components::rtp_parameters::{HeaderExtension, router_id};
use flumen::components::wire::rtcp::{write_nack, write_pli, write_remb, write_transport_feedback};
use flumen::components::{ArrivalHistory, Probation};
use flumen::rtp_parameters::{RtcpFeedback, RtpCapabilities};
use flumen::{ConsumerId, ConsumerLayers, ConsumerOptions, Event, ProducerId, Time, TransportId};

use super::Parcel;
use crate::packet::Packet;
use crate::path::Path;
use crate::room::Room;

/// How a receiver tells what arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// When each packet arrived, ten times a second.
    TransportCc,
    /// The same by RFC 8888, on a clock of 1/1,024 s.
    CongestionControl,
    /// A bitrate, once a second: one and a half times what came.
    Remb,
    /// Nothing.
    None,
}

/// A receiver.
pub struct Viewer {
    /// Its transport.
    pub transport: TransportId,
    /// Its bottleneck.
    pub path: usize,
    /// The one that what it tells goes through, if there is one.
    pub path_back: Option<usize>,
    /// What it watches.
    pub videos: Vec<Video>,
    /// Packets that were sent to it, and those that found the queue full.
    pub sent: u64,
    /// See `sent`.
    pub overflowed: u64,
    /// Bytes of RTP that came: all, of padding, and what was sent again.
    pub bytes: u64,
    /// See `bytes`.
    pub padding: u64,
    /// See `bytes`.
    pub repeated: u64,
    feedback: Feedback,
    delay: Duration,
    back: Duration,
    arriving: VecDeque<(Time, Vec<u8>)>,
    arrivals: ArrivalHistory,
    /// Packets that came since the last report, and the next number, by SSRC.
    named: BTreeMap<u32, (u16, BTreeMap<u16, Time>)>,
    came: u64,
    says: Vec<Vec<u8>>,
    told: VecDeque<(Time, Vec<u8>)>,
    next_feedback: Time,
    feedback_count: u8,
}

/// A video that it watches.
#[derive(Debug)]
pub struct Video {
    /// How it gets it.
    pub consumer: ConsumerId,
    /// The camera.
    pub camera: usize,
    /// What it was told to get.
    pub layers: Option<ConsumerLayers>,
    /// How often that changed, and when.
    pub changes: Vec<(Time, Option<ConsumerLayers>)>,
    /// Bytes of RTP that came of it.
    pub bytes: u64,
    /// When each picture was shown.
    pub shown: Vec<Time>,
    ssrc: u32,
    rtx_ssrc: Option<u32>,
    newest: Option<u16>,
    missing: BTreeMap<u16, (Time, u8)>,
    frames: BTreeMap<u64, Frame>,
    decoded: BTreeSet<(u8, u32)>,
    next_pli: Time,
}

#[derive(Debug)]
struct Frame {
    encoding: u8,
    id: u32,
    reference: u32,
    is_key: bool,
    temporal: u8,
    count: u8,
    packets: BTreeSet<u8>,
}

const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
const NACK_INTERVAL: Duration = Duration::from_millis(120);
const NACKS_MAX: u8 = 8;
/// Without a picture for so long, a receiver asks for a key frame.
const PATIENCE: Duration = Duration::from_millis(500);

impl Feedback {
    /// What a receiver that tells so can take.
    fn offered(self, mut capabilities: RtpCapabilities) -> RtpCapabilities {
        let is_wide = |uri: &str| uri.contains("transport-wide");
        if self != Self::TransportCc {
            capabilities
                .header_extensions
                .retain(|extension| !is_wide(&extension.uri));
        }
        if self == Self::CongestionControl {
            for codec in &mut capabilities.codecs {
                codec.rtcp_feedback.push(RtcpFeedback::new("ack", "ccfb"));
            }
        }
        capabilities
    }
}

impl Viewer {
    pub(super) fn new(
        transport: TransportId,
        (path, delay, back): (usize, Duration, Duration),
        feedback: Feedback,
    ) -> Self {
        Self {
            transport,
            path,
            path_back: None,
            videos: Vec::new(),
            sent: 0,
            overflowed: 0,
            bytes: 0,
            padding: 0,
            repeated: 0,
            feedback,
            delay,
            back,
            arriving: VecDeque::new(),
            arrivals: ArrivalHistory::new(8_192),
            named: BTreeMap::new(),
            came: 0,
            says: Vec::new(),
            told: VecDeque::new(),
            next_feedback: Time::ZERO,
            feedback_count: 0,
        }
    }

    pub(super) fn watch(
        &mut self,
        room: &mut Room,
        camera: usize,
        producer: ProducerId,
    ) -> ConsumerId {
        let capabilities = self.feedback.offered(room.capabilities());
        let options = ConsumerOptions::new(producer, capabilities);
        let consumer = room.engine.consume(self.transport, options);
        let consumer = consumer.expect("it can be consumed");
        let parameters = room
            .engine
            .consumer_parameters(consumer)
            .expect("it is open");
        let encoding = &parameters.encodings[0];
        self.videos.push(Video {
            consumer,
            camera,
            layers: None,
            changes: Vec::new(),
            bytes: 0,
            shown: Vec::new(),
            ssrc: encoding.ssrc.expect("it has one"),
            rtx_ssrc: encoding.rtx.as_ref().map(|rtx| rtx.ssrc),
            newest: None,
            missing: BTreeMap::new(),
            frames: BTreeMap::new(),
            decoded: BTreeSet::new(),
            next_pli: Time::ZERO,
        });
        consumer
    }

    /// Forgets what was measured so far.
    pub fn begin(&mut self) {
        (self.sent, self.overflowed) = (0, 0);
        (self.bytes, self.padding, self.repeated) = (0, 0, 0);
        for video in &mut self.videos {
            let layers = video.layers;
            video.changes.clear();
            video.changes.push((Time::ZERO, layers));
            video.bytes = 0;
            let last = video.shown.pop();
            video.shown.clear();
            video.shown.extend(last);
        }
    }

    pub(super) fn count_sent(&mut self, fits: bool) {
        self.sent += 1;
        self.overflowed += u64::from(!fits);
    }

    pub(super) fn arrive(&mut self, at: Time, bytes: Vec<u8>) {
        self.arriving.push_back((at + self.delay, bytes));
    }

    /// What it told arrives at the engine.
    pub(super) fn tell(&mut self, room: &mut Room, now: Time) {
        while self.told.front().is_some_and(|(at, _)| *at <= now) {
            let told = self.told.pop_front();
            let bytes = told.map(|(_, bytes)| bytes).unwrap_or_default();
            room.arrive_bytes(self.transport, &bytes);
        }
    }

    pub(super) fn hear(&mut self, event: &Event, now: Time) {
        let Event::LayersChanged(changed) = event else {
            return;
        };
        for video in &mut self.videos {
            if flumen::Subject::Consumer(video.consumer) == changed.subject {
                video.layers = changed.layers;
                video.changes.push((now, changed.layers));
            }
        }
    }

    pub(super) fn receive(&mut self, now: Time) {
        while self.arriving.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((at, bytes)) = self.arriving.pop_front() {
                self.take(&bytes, at);
            }
        }
        for video in &mut self.videos {
            self.says.extend(video.ask(now));
        }
        self.report(now);
    }

    fn take(&mut self, bytes: &[u8], at: Time) {
        let packet = Packet::parse(bytes);
        let value = packet.extension(router_id(HeaderExtension::TransportSequence));
        if let Some(&[high, low]) = value {
            self.arrivals.receive(u16::from_be_bytes([high, low]), at);
        }
        let number = packet.sequence;
        let (_, came) = self
            .named
            .entry(packet.ssrc)
            .or_insert_with(|| (number, BTreeMap::new()));
        came.insert(number, at);
        self.bytes += bytes.len() as u64;
        self.came += bytes.len() as u64;
        if packet.ssrc == Probation::SSRC {
            self.padding += bytes.len() as u64;
        }
        for video in &mut self.videos {
            if packet.ssrc == video.ssrc {
                video.bytes += bytes.len() as u64;
                video.take(packet.sequence, &packet.payload, at);
            } else if Some(packet.ssrc) == video.rtx_ssrc
                && let Some((number, payload)) = packet.payload.split_first_chunk()
            {
                let number = u16::from_be_bytes(*number);
                // What nobody misses is padding.
                match video.missing.contains_key(&number) {
                    true => self.repeated += bytes.len() as u64,
                    false => self.padding += bytes.len() as u64,
                }
                video.take(number, payload, at);
            }
        }
    }

    fn report(&mut self, now: Time) {
        if now < self.next_feedback {
            return;
        }
        self.next_feedback = now + FEEDBACK_INTERVAL;
        let bytes = match self.feedback {
            Feedback::TransportCc => self.report_arrivals(now),
            Feedback::CongestionControl => self.report_named(now),
            Feedback::Remb => self.report_bitrate(now),
            Feedback::None => Vec::new(),
        };
        if !bytes.is_empty() {
            self.says.push(bytes);
        }
    }

    /// What it has to say leaves.
    pub(super) fn speak(&mut self, index: usize, paths: &mut [Path<Parcel>], now: Time) {
        for bytes in self.says.drain(..) {
            match self.path_back {
                Some(path) => {
                    paths[path].send(now, bytes.len(), Parcel::Told(index, bytes));
                }
                None => self.told.push_back((now + self.back, bytes)),
            }
        }
    }

    /// What it said has come through a bottleneck.
    pub(super) fn is_heard(&mut self, at: Time, bytes: Vec<u8>) {
        self.told.push_back((at, bytes));
    }

    fn report_arrivals(&mut self, now: Time) -> Vec<u8> {
        let (mut bytes, count) = (Vec::new(), self.feedback_count);
        if self.arrivals.has_news() {
            let mut arrivals = Vec::new();
            self.arrivals.report(now, &mut arrivals);
            let ssrc = self.videos.first().map_or(1, |video| video.ssrc);
            write_transport_feedback(&mut bytes, 1, ssrc, count, &arrivals);
            self.feedback_count = count.wrapping_add(1);
        }
        bytes
    }

    /// What arrives, half as much again, if it was told a second ago.
    fn report_bitrate(&mut self, now: Time) -> Vec<u8> {
        self.next_feedback = now + Duration::from_secs(1);
        let came = std::mem::take(&mut self.came);
        let mut bytes = Vec::new();
        if came > 0 {
            let ssrcs: Vec<u32> = self.videos.iter().map(|video| video.ssrc).collect();
            write_remb(&mut bytes, 1, came * 8 * 3 / 2, &ssrcs);
        }
        bytes
    }

    /// RFC 8888 section 3.1, written for this test.
    fn report_named(&mut self, now: Time) -> Vec<u8> {
        let mut body = Vec::new();
        for (ssrc, (next, came)) in &mut self.named {
            let begin = *next;
            let ahead = |number: &u16| number.wrapping_sub(begin) < 1 << 15;
            let Some(last) = came
                .keys()
                .copied()
                .filter(ahead)
                .max_by_key(|number| number.wrapping_sub(begin))
            else {
                continue;
            };
            let count = last.wrapping_sub(begin) + 1;
            body.extend(ssrc.to_be_bytes());
            body.extend(begin.to_be_bytes());
            body.extend(count.to_be_bytes());
            for index in 0..count {
                let at = came.get(&begin.wrapping_add(index));
                let offset = at.map(|at| (now - *at).as_nanos() * 1_024 / 1_000_000_000);
                let metric = offset.map_or(0, |offset| 0x8000 | offset.min(0x1FFE) as u16);
                body.extend(metric.to_be_bytes());
            }
            if count % 2 == 1 {
                body.extend([0, 0]);
            }
            *next = last.wrapping_add(1);
            came.clear();
        }
        if body.is_empty() {
            return body;
        }
        let timestamp = (u128::from(now.as_nanos()) << 16) / 1_000_000_000;
        let mut bytes = vec![0x8B, 205];
        bytes.extend((body.len() as u16 / 4 + 2).to_be_bytes());
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(body);
        bytes.extend((timestamp as u32).to_be_bytes());
        bytes
    }
}

impl Video {
    /// Milliseconds without a picture, beyond the two tenths of a second that the lowest rate
    /// leaves between two.
    pub fn frozen(&self, now: Time) -> u64 {
        self.frozen_between(Time::ZERO, now)
    }

    /// The same of gaps between two pictures that end within a span, and of one that does not.
    pub fn frozen_between(&self, from: Time, now: Time) -> u64 {
        let ends = self.shown.iter().copied().chain([now]);
        let gaps = self.shown.iter().zip(ends.skip(1));
        let beyond = |(last, next): (&Time, Time)| {
            let gap = (next.min(now) - (*last).max(from)).as_millis() as u64;
            let is_within = next > from && *last < now;
            if is_within && gap > 200 { gap - 133 } else { 0 }
        };
        gaps.map(beyond).sum()
    }

    fn take(&mut self, number: u16, payload: &[u8], at: Time) {
        self.miss(number, at);
        let Some(facts) = payload.get(6..19) else {
            return;
        };
        let [encoding, temporal, index, count] = [facts[1], facts[2], facts[3], facts[4]];
        let word = |at: usize| {
            u32::from_be_bytes([facts[at], facts[at + 1], facts[at + 2], facts[at + 3]])
        };
        let (id, reference) = (word(5), word(9));
        if self.decoded.contains(&(encoding, id)) {
            return;
        }
        let key = u64::from(id) << 8 | u64::from(encoding);
        let frame = self.frames.entry(key).or_insert_with(|| Frame {
            encoding,
            id,
            reference,
            is_key: facts[0] & 1 == 0,
            temporal,
            count,
            packets: BTreeSet::new(),
        });
        frame.packets.insert(index);
        while self.decode(at) {}
    }

    /// Shows the next picture that can be.
    fn decode(&mut self, at: Time) -> bool {
        let decoded = &self.decoded;
        let is_ready = |(_, frame): &(&u64, &Frame)| {
            frame.packets.len() == usize::from(frame.count)
                && (frame.is_key || decoded.contains(&(frame.encoding, frame.reference)))
        };
        let Some((&key, _)) = self.frames.iter().find(is_ready) else {
            return false;
        };
        if let Some(frame) = self.frames.remove(&key) {
            if frame.temporal == 0 {
                self.decoded.insert((frame.encoding, frame.id));
            }
            self.shown.push(at);
            // What is older will not be shown.
            let id = frame.id;
            self.frames.retain(|_, frame| frame.id + 60 > id);
            self.decoded.retain(|(_, base)| base + 60 > id);
        }
        true
    }

    fn miss(&mut self, number: u16, at: Time) {
        self.missing.remove(&number);
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            return;
        };
        let ahead = number.wrapping_sub(newest);
        if (1..1_000).contains(&ahead) {
            let missing = (1..ahead).map(|step| newest.wrapping_add(step));
            self.missing.extend(missing.map(|number| (number, (at, 0))));
            self.newest = Some(number);
        }
    }

    fn ask(&mut self, now: Time) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut numbers = Vec::new();
        self.missing.retain(|&number, (at, times)| {
            if *at <= now {
                numbers.push(number);
                (*at, *times) = (now + NACK_INTERVAL, *times + 1);
            }
            *times <= NACKS_MAX
        });
        if !numbers.is_empty() {
            write_nack(&mut bytes, 1, self.ssrc, numbers);
        }
        let last = self.shown.last().copied().unwrap_or(Time::ZERO);
        let is_stuck = !self.frames.is_empty() && now - last > PATIENCE;
        if is_stuck && now >= self.next_pli {
            self.next_pli = now + PATIENCE;
            write_pli(&mut bytes, 1, self.ssrc);
        }
        (!bytes.is_empty()).then_some(bytes)
    }
}
