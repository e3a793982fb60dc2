//! One encoding of a picture in VP8 (RFC 7741), in temporal layers.

use std::collections::VecDeque;

use flumen::Time;

use super::rtp::{Fixed, TIMED_LEN, set_time};
use super::stamp::{DESCRIPTOR_LEN, STAMPED_LEN, Stamp};
use super::{Out, Tally};
use crate::clock::Clock;
use crate::noise::Noise;
use crate::parameters::{RTX, SENT_AT, VP8};

/// A key frame is as long as so many others.
const KEY_FRAME: u64 = 4;
/// Bytes of a payload at most.
const PAYLOAD: usize = 1_100;
/// Packets that are kept to be sent again.
const KEPT: usize = 512;
pub(super) const RATE: u32 = 90_000;

/// The RTP timestamp of a frame, and when it leaves on the clock of its peer.
pub(super) type Moment = (u32, Time);

/// An encoder, and the stream of its packets.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    pub(super) ssrc: u32,
    index: u8,
    layers: u8,
    noise: Noise,
    sequence: u16,
    rtx_sequence: u16,
    picture_id: u16,
    tl0_index: u8,
    key_index: u8,
    /// Frames since the last key frame.
    since_key: u32,
    /// The newest frame of each of the lower two layers.
    newest: [u32; 2],
    kept: VecDeque<(u16, Vec<u8>)>,
    tally: Tally,
}

impl Encoder {
    pub(super) fn new(ssrc: u32, index: u8, layers: u8, mut noise: Noise) -> Self {
        Self {
            ssrc,
            index,
            layers,
            sequence: noise.bits() as u16,
            rtx_sequence: noise.bits() as u16,
            picture_id: noise.below(1 << 15) as u16,
            tl0_index: noise.bits() as u8,
            key_index: noise.below(32) as u8,
            noise,
            since_key: 0,
            newest: [0; 2],
            kept: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Sends frame number `frame` of about `bytes`.
    pub(super) fn encode(
        &mut self,
        frame: u32,
        is_key: bool,
        bytes: u64,
        moment: Moment,
        out: &mut Out,
    ) {
        let (temporal, percent) = self.layer_of_next(is_key);
        let percent = if is_key { 100 * KEY_FRAME } else { percent };
        let bytes = (bytes * percent * (90 + self.noise.below(21)) / 10_000) as usize;
        let count = bytes.div_ceil(PAYLOAD).clamp(1, usize::from(u8::MAX));
        let stamp = Stamp {
            encoding: self.index,
            temporal,
            index: 0,
            count: count as u8,
            is_key,
            frame,
            reference: self.reference(temporal),
        };
        self.advance(frame, temporal, is_key);
        for index in 0..count {
            let stamp = Stamp {
                index: index as u8,
                ..stamp
            };
            out.push(self.packet(&stamp, moment, bytes / count));
        }
    }

    /// Layers as libvpx has them, and the share of each frame in percent of the average.
    fn layer_of_next(&mut self, is_key: bool) -> (u8, u64) {
        self.since_key = if is_key { 0 } else { self.since_key + 1 };
        let pattern: &[(u8, u64)] = match self.layers {
            1 => &[(0, 100)],
            2 => &[(0, 120), (1, 80)],
            _ => &[(0, 160), (2, 70), (1, 100), (2, 70)],
        };
        pattern[self.since_key as usize % pattern.len()]
    }

    /// The first frame of the highest layer refers to the lowest one, the second to the middle one.
    fn reference(&self, temporal: u8) -> u32 {
        match temporal == 2 && self.newest[1] > self.newest[0] {
            true => self.newest[1],
            false => self.newest[0],
        }
    }

    fn advance(&mut self, frame: u32, temporal: u8, is_key: bool) {
        self.picture_id = (self.picture_id + 1) % (1 << 15);
        self.key_index = (self.key_index + u8::from(is_key)) % 32;
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(temporal == 0));
        if let Some(newest) = self.newest.get_mut(usize::from(temporal)) {
            *newest = frame;
        }
        if is_key {
            self.newest[1] = 0;
        }
    }

    fn packet(&mut self, stamp: &Stamp, (timestamp, local): Moment, len: usize) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let header = Fixed {
            payload_type: VP8,
            marker: stamp.index + 1 == stamp.count,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
        };
        let len = len.max(STAMPED_LEN);
        let mut packet = Vec::with_capacity(TIMED_LEN + len);
        header.write_timed(SENT_AT, local, &mut packet);
        packet.extend(self.descriptor(stamp));
        stamp.write(&mut packet);
        packet.resize(TIMED_LEN + len, 0x33);
        self.tally.count(len);
        self.keep(&packet);
        packet
    }

    /// RFC 7741 section 4.2 with every field.
    fn descriptor(&self, stamp: &Stamp) -> [u8; DESCRIPTOR_LEN] {
        let start = if stamp.index == 0 { 0x10 } else { 0 };
        let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
        let refers_to_lowest = stamp.temporal > 0 && stamp.reference == self.newest[0];
        let layers = stamp.temporal << 6 | u8::from(refers_to_lowest) << 5 | self.key_index;
        [0x80 | start, 0xF0, high, low, self.tl0_index, layers]
    }

    fn keep(&mut self, packet: &[u8]) {
        let mut kept = match self.kept.len() >= KEPT {
            true => self
                .kept
                .pop_front()
                .map_or_else(Vec::new, |(_, kept)| kept),
            false => Vec::new(),
        };
        kept.clear();
        kept.extend_from_slice(packet);
        self.kept.push_back((self.sequence, kept));
    }

    /// Sends a packet again (RFC 4588 section 4); false when it is not kept any more.
    pub(super) fn resend(&mut self, number: u16, local: Time, out: &mut Out) -> bool {
        let kept = self.kept.iter().rev().find(|(kept, _)| *kept == number);
        let Some((_, packet)) = kept else {
            return false;
        };
        let mut again = Vec::with_capacity(packet.len() + 2);
        again.extend_from_slice(&packet[..TIMED_LEN]);
        again[1] = packet[1] & 0x80 | RTX;
        again[2..4].copy_from_slice(&self.rtx_sequence.to_be_bytes());
        again[8..12].copy_from_slice(&(self.ssrc + 1).to_be_bytes());
        set_time(&mut again, local);
        again.extend(number.to_be_bytes());
        again.extend_from_slice(&packet[TIMED_LEN..]);
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        out.push(again);
        true
    }

    pub(super) fn report(&mut self, now: Time, clock: Clock, out: &mut Out) {
        self.tally.report(now, clock, (self.ssrc, RATE), out);
    }
}
