//! VP8 in temporal layers (RFC 7741), and what a decoder reads of it.

use super::frame::{Frame, FrameId, Seen, body, named};
use crate::noise::Noise;
use crate::packet::Packet;

/// An encoder of one picture size.
#[derive(Clone, Debug)]
pub struct Vp8Encoder {
    picture_id: u16,
    /// Picture ids have seven bits.
    pub is_short: bool,
    tl0_index: u8,
    key_index: u8,
    layers: u8,
    frames: u32,
    /// The newest frame of each temporal layer since the last key frame.
    newest: [Option<FrameId>; 3],
}

impl Vp8Encoder {
    /// An encoder with counters that begin anywhere.
    pub fn new(layers: u8, noise: &mut Noise) -> Self {
        Self {
            picture_id: noise.below(1 << 15) as u16,
            is_short: false,
            tl0_index: noise.below(256) as u8,
            key_index: noise.below(32) as u8,
            layers,
            frames: 0,
            newest: [None; 3],
        }
    }

    /// The next frame, which will be `id`, and the descriptors and bodies of its packets.
    pub fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut Noise,
    ) -> (Frame, Vec<Vec<u8>>) {
        let pattern: &[u8] = match self.layers {
            1 => &[0],
            2 => &[0, 1],
            _ => &[0, 2, 1, 2],
        };
        self.frames = if is_key { 0 } else { self.frames + 1 };
        let temporal = pattern[self.frames as usize % pattern.len()];
        if is_key {
            self.newest = [None; 3];
            self.key_index = (self.key_index + 1) % 32;
        }
        self.picture_id = self.picture_id.wrapping_add(1) % (1 << 15);
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(temporal == 0));
        let is_sync = temporal > 0 && noise.below(2) == 0;
        let needed = if is_sync { 0 } else { temporal };
        let references = self.newest[..=usize::from(needed)].iter().flatten();
        let frame = Frame {
            is_key,
            temporal,
            references: references.copied().collect(),
            packets: 1 + noise.below(3) as u8,
            picture: id,
            number: self.picture_id,
            ..Frame::default()
        };
        self.newest[usize::from(temporal)] = Some(id);
        let payload = |index| self.payload(id, index, &frame, is_sync);
        let payloads = (0..frame.packets).map(payload).collect();
        (frame, payloads)
    }

    fn payload(&self, id: FrameId, index: u8, frame: &Frame, is_sync: bool) -> Vec<u8> {
        // X, S in the first packet; I L T K.
        let mut payload = vec![0x80 | if index == 0 { 0x10 } else { 0 }, 0xF0];
        match self.is_short {
            true => payload.push(self.picture_id as u8 & 0x7F),
            false => payload.extend((0x8000 | self.picture_id).to_be_bytes()),
        }
        payload.push(self.tl0_index);
        payload.push(frame.temporal << 6 | u8::from(is_sync) << 5 | self.key_index);
        payload.extend(body(u8::from(!frame.is_key), id, index));
        payload
    }
}

/// Reads a packet with every field.
pub(super) fn see(packet: &Packet) -> Seen {
    let payload = &packet.payload;
    assert_eq!(
        (payload[0] & 0x80, payload[1]),
        (0x80, 0xF0),
        "every field is there"
    );
    let is_long = payload[2] & 0x80 != 0;
    let (picture_id, rest) = match is_long {
        true => (
            u16::from_be_bytes([payload[2] & 0x7F, payload[3]]),
            &payload[4..],
        ),
        false => (payload[2].into(), &payload[3..]),
    };
    Seen {
        begins: payload[0] & 0x10 != 0,
        number: (picture_id, if is_long { 15 } else { 7 }),
        is_compressed: true,
        tl0_index: Some(rest[0]),
        temporal: (rest[1] >> 6, rest[1] & 0x20 != 0),
        spatial: 0,
        key_index: Some(rest[1] & 0x1F),
        is_key: rest[2] & 1 == 0,
        frame: named(&rest[2..]),
    }
}
