//! A camera in VP8 simulcast, as bits a second.

use std::time::Duration;

use flumen::components::wire::rtcp::{SenderInfo, write_sender_report};
use flumen::rtp_parameters::MediaKind;
use flumen::{ProducerId, Time, TransportId};

use crate::call::Request;
use crate::noise::Noise;
use crate::packet::Packet;
use crate::parameters::{encoding_of, vp8_rtx};
use crate::room::{Room, address};

/// An encoding of a camera.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// Bits a second of RTP.
    pub bitrate: u64,
    /// Temporal layers, 1 or 3.
    pub temporal: u8,
}

/// What sends one video.
pub struct Camera {
    /// Where it sends.
    pub transport: TransportId,
    /// What the engine has of it.
    pub producer: ProducerId,
    /// Its encodings, the lowest first.
    pub sources: Vec<Source>,
    /// Of a thousand packets, so many never reach the engine.
    pub lost_per_mille: u64,
    next: Time,
    noise: Noise,
}

/// An encoding that is sent.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is now.
    pub is: Encoding,
    /// It sends.
    pub is_live: bool,
    /// How often a key frame was asked for.
    pub requests: u64,
    ssrc: u32,
    encoding: u8,
    sequence: u16,
    frame: u32,
    /// Frames since the last key frame.
    since_key: u32,
    /// The newest frame of the lowest temporal layer.
    base: u32,
    picture_id: u16,
    tl0_index: u8,
    key_index: u8,
    /// A key frame was asked for, and is sent then.
    key_due: Option<Time>,
}

/// Thirty pictures a second.
const INTERVAL: Duration = Duration::from_micros(33_333);
const PER_SECOND: u64 = 30;
/// From a request for a key frame to that.
const REACTION: Duration = Duration::from_millis(60);
/// A key frame is as long as so many others.
const KEY_FRAME: u64 = 4;
const PACKET: usize = 1_150;
/// Headers as they are sent on.
const OVERHEAD: usize = 40;

impl Camera {
    pub(super) fn new(
        room: &mut Room,
        (port, index): (u16, usize),
        encodings: &[Encoding],
        noise: u64,
    ) -> Self {
        let transport = room.plain(address(port));
        let ssrc = |encoding: usize| 100_000 + 1_000 * index as u32 + 10 * encoding as u32;
        let parameters = (0..encodings.len()).map(|encoding| {
            let mut parameters = encoding_of(ssrc(encoding));
            let temporal = encodings[encoding].temporal;
            parameters.scalability_mode = Some(format!("L1T{temporal}"));
            parameters
        });
        let parameters = vp8_rtx(parameters.collect());
        let producer = room.produce(transport, MediaKind::Video, parameters);
        let source =
            |(encoding, &is): (usize, &Encoding)| Source::new(ssrc(encoding), encoding, is);
        Self {
            transport,
            producer,
            sources: encodings.iter().enumerate().map(source).collect(),
            lost_per_mille: 0,
            next: room.now + INTERVAL / 20 * (index as u32 % 20),
            noise: Noise::new(noise),
        }
    }

    /// The picture of this time, if one is due.
    pub(super) fn film(&mut self, room: &mut Room, now: Time) {
        if now < self.next {
            return;
        }
        self.next += INTERVAL;
        let is_first = self.sources.iter().all(|source| source.frame == 0);
        for source in &mut self.sources {
            if source.is_live {
                let to = (self.transport, self.lost_per_mille);
                source.send(room, to, now, &mut self.noise);
            }
        }
        if is_first {
            for source in &self.sources {
                source.report(room, self.transport, now);
            }
        }
    }

    /// Is asked for key frames.
    pub(super) fn hear(&mut self, requests: &[Request], now: Time) {
        for request in requests {
            let (Request::Pli(ssrc) | Request::Fir(ssrc, _)) = *request;
            let source = self.sources.iter_mut().find(|source| source.ssrc == ssrc);
            if let Some(source) = source {
                source.requests += 1;
                source.key_due.get_or_insert(now + REACTION);
            }
        }
    }
}

impl Source {
    fn new(ssrc: u32, encoding: usize, is: Encoding) -> Self {
        Self {
            is,
            is_live: true,
            requests: 0,
            ssrc,
            encoding: encoding as u8,
            sequence: 100,
            frame: 0,
            since_key: 0,
            base: 0,
            picture_id: 1,
            tl0_index: 0,
            key_index: 0,
            key_due: Some(Time::ZERO),
        }
    }

    fn send(
        &mut self,
        room: &mut Room,
        (to, lost_per_mille): (TransportId, u64),
        now: Time,
        noise: &mut Noise,
    ) {
        let is_key = self.key_due.is_some_and(|due| due <= now);
        self.since_key = if is_key { 0 } else { self.since_key + 1 };
        let pattern: &[(u8, u64)] = match self.is.temporal {
            1 => &[(0, 100)],
            _ => &[(0, 160), (2, 70), (1, 100), (2, 70)],
        };
        let (temporal, percent) = pattern[self.since_key as usize % pattern.len()];
        let percent = if is_key { 100 * KEY_FRAME } else { percent };
        // Ten percent up or down.
        let percent = percent * (90 + noise.below(21)) / 100;
        let bytes = (self.is.bitrate * percent / (800 * PER_SECOND)) as usize;
        self.frame += 1;
        self.picture_id = (self.picture_id + 1) % (1 << 15);
        let reference = self.base;
        if is_key {
            self.key_due = None;
            self.key_index = (self.key_index + 1) % 32;
        }
        if temporal == 0 {
            self.tl0_index = self.tl0_index.wrapping_add(1);
            self.base = self.frame;
        }
        let count = bytes.div_ceil(PACKET).max(1);
        let each = (bytes / count).max(30 + OVERHEAD) - OVERHEAD;
        for index in 0..count {
            let payload = self.payload((is_key, temporal), (index, count), reference, each);
            self.sequence = self.sequence.wrapping_add(1);
            let mut packet = Packet::new(96, self.sequence, self.ssrc, &payload);
            packet.timestamp = (now.as_millis() * 90) as u32;
            packet.marker = index + 1 == count;
            if lost_per_mille == 0 || noise.below(1_000) >= lost_per_mille {
                room.arrive(to, &packet);
            }
        }
    }

    /// RFC 7741 section 4.2 with every field, then what the receiver of a test wants to know.
    fn payload(
        &self,
        (is_key, temporal): (bool, u8),
        (index, count): (usize, usize),
        reference: u32,
        len: usize,
    ) -> Vec<u8> {
        let mut payload = vec![0x80 | if index == 0 { 0x10 } else { 0 }, 0xF0];
        payload.extend((0x8000 | self.picture_id).to_be_bytes());
        payload.push(self.tl0_index);
        let is_sync = temporal > 0;
        payload.push(temporal << 6 | u8::from(is_sync) << 5 | self.key_index);
        payload.push(u8::from(!is_key));
        payload.extend([self.encoding, temporal, index as u8, count as u8]);
        payload.extend(self.frame.to_be_bytes());
        payload.extend(reference.to_be_bytes());
        payload.resize(len.max(payload.len()), 0xaa);
        payload
    }

    fn report(&self, room: &mut Room, to: TransportId, now: Time) {
        let millis = now.as_millis();
        let info = SenderInfo {
            ssrc: self.ssrc,
            ntp: (5_000 << 32) + (millis << 32) / 1_000,
            rtp_timestamp: (millis * 90) as u32,
            packet_count: 1,
            octet_count: 1,
        };
        let mut bytes = Vec::new();
        write_sender_report(&mut bytes, &info);
        room.arrive_bytes(to, &bytes);
    }
}
