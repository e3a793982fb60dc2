//! One encoding of a picture, and the stream of its packets.

use std::collections::VecDeque;

use flumen::Time;

use super::rtp::{Fixed, header_len, set_time};
use super::stamp::{STAMP_LEN, Stamp};
use super::{Datagram, Out, Tally};
use crate::clock::Clock;
use crate::coding::{Coded, Encoder, Frame, Head};
use crate::draw::Draw;
use crate::noise::Noise;
use crate::parameters::{RTX, VIDEO};
use crate::video::Video;

/// A key frame is as long as so many others.
const KEY_FRAME: u64 = 4;
/// Bytes of a payload at most.
const PAYLOAD: usize = 1_100;
/// Packets that are kept to be sent again.
const KEPT: usize = 512;
pub(super) const RATE: u32 = 90_000;

/// The RTP timestamp of a frame, and when it leaves on the clock of its peer.
pub(super) type Moment = (u32, Time);

/// An encoding, and the stream of its packets.
#[derive(Clone, Debug)]
pub(super) struct Encoding {
    pub(super) ssrc: u32,
    index: u8,
    /// How many spatial and temporal layers it has.
    layers: (u8, u8),
    encoder: Encoder,
    noise: Noise,
    sequence: u16,
    rtx_sequence: u16,
    kept: VecDeque<(u16, Vec<u8>)>,
    tally: Tally,
}

/// The next packet of a frame.
struct Next<'a> {
    stamp: Stamp,
    head: &'a Head,
    /// Nothing of its picture follows.
    is_last: bool,
    bytes: usize,
}

impl Encoding {
    pub(super) fn new(ssrc: u32, index: u8, video: &Video, mut noise: Noise) -> Self {
        Self {
            ssrc,
            index,
            layers: (video.spatial_layers, video.temporal_layers),
            sequence: noise.bits() as u16,
            rtx_sequence: noise.bits() as u16,
            encoder: video.encoder(&mut noise),
            noise,
            kept: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// Sends picture number `picture` of about `bytes`.
    pub(super) fn encode(
        &mut self,
        picture: u32,
        is_key: bool,
        bytes: u64,
        moment: Moment,
        out: &mut Out,
    ) {
        let (layers, mut sizes) = (self.layers, [0; 3]);
        let count = |noise: &mut dyn Draw, layer: (u8, u8)| {
            let bytes = bytes * percent(layer.1, layers.1, is_key) * (90 + noise.below(21));
            let (part, whole) = share(layer.0, layers.0);
            let bytes = (bytes * part / whole / 10_000) as usize;
            let count = bytes.div_ceil(PAYLOAD).clamp(1, usize::from(u8::MAX));
            sizes[usize::from(layer.0)] = bytes / count;
            count as u8
        };
        let id = Stamp::id_of(picture);
        let frames = self.encoder.encode(id, is_key, &mut self.noise, count);
        let highest = frames.len().saturating_sub(1);
        for (spatial, Coded { frame, heads }) in frames.iter().enumerate() {
            for (index, head) in heads.iter().enumerate() {
                let next = Next {
                    stamp: self.stamp(id + spatial as u32, frame, index as u8),
                    head,
                    is_last: spatial == highest && index + 1 == heads.len(),
                    bytes: sizes[spatial],
                };
                out.push(Datagram {
                    packet: Some(next.stamp.packet(self.ssrc)),
                    bytes: self.packet(&next, moment),
                });
            }
        }
    }

    fn stamp(&self, id: u32, frame: &Frame, index: u8) -> Stamp {
        let mut references = frame.references.iter().copied();
        Stamp {
            encoding: self.index,
            spatial: frame.spatial,
            temporal: frame.temporal,
            index,
            count: frame.packets,
            is_key: frame.is_key,
            number: frame.number,
            id,
            references: [(); 3].map(|()| references.next()),
        }
    }

    fn packet(&mut self, next: &Next<'_>, (timestamp, local): Moment) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let header = Fixed {
            payload_type: VIDEO,
            marker: next.is_last,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
        };
        let Head {
            payload,
            dependencies,
        } = next.head;
        let len = next.bytes.max(payload.len() + STAMP_LEN);
        let mut packet = Vec::with_capacity(32 + dependencies.len() + len);
        header.write_timed(local, dependencies, &mut packet);
        let end = packet.len() + len;
        packet.extend(payload);
        packet.resize(end - STAMP_LEN, 0x33);
        next.stamp.write(&mut packet);
        self.tally.count(len);
        self.keep(&packet);
        packet
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
        let (header, payload) = packet.split_at(header_len(packet));
        again.extend_from_slice(header);
        again[1] = packet[1] & 0x80 | RTX;
        again[2..4].copy_from_slice(&self.rtx_sequence.to_be_bytes());
        again[8..12].copy_from_slice(&(self.ssrc + 1).to_be_bytes());
        set_time(&mut again, local);
        again.extend(number.to_be_bytes());
        again.extend_from_slice(payload);
        self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        let stamp = Stamp::read(payload);
        out.push(Datagram {
            packet: stamp.map(|stamp| stamp.packet(self.ssrc)),
            bytes: again,
        });
        true
    }

    pub(super) fn report(&mut self, now: Time, clock: Clock, out: &mut Out) {
        self.tally.report(now, clock, (self.ssrc, RATE), out);
    }
}

/// The share of a frame of a temporal layer in percent of the average, as encoders have it.
fn percent(temporal: u8, layers: u8, is_key: bool) -> u64 {
    match (layers, temporal) {
        _ if is_key => 100 * KEY_FRAME,
        (1, _) => 100,
        (2, 0) => 120,
        (2, _) => 80,
        (_, 0) => 160,
        (_, 1) => 100,
        _ => 70,
    }
}

/// The share of a spatial layer, each of which has three times the bitrate of the one below it.
fn share(spatial: u8, layers: u8) -> (u64, u64) {
    let part = |spatial: u8| 3_u64.pow(spatial.into());
    (part(spatial), (0..layers).map(part).sum())
}
