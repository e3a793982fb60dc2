//! VP8 in temporal layers (RFC 7741), and what a decoder reads of it.

use super::frame::{Coded, Count, Frame, FrameId, Head, pattern};
use super::seen::Seen;
use crate::draw::Draw;

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

/// The rest of the header of a key frame (RFC 6386 section 9.1): its start code, and 640 x 480.
const KEY_FRAME_HEADER: [u8; 9] = [0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01];

impl Vp8Encoder {
    /// An encoder with counters that begin anywhere.
    pub fn new(layers: u8, noise: &mut dyn Draw) -> Self {
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

    /// The next frame, which will be `id`.
    pub(super) fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut dyn Draw,
        count: Count<'_>,
    ) -> Coded {
        let temporal = self.advance(is_key);
        let is_sync = temporal > 0 && noise.below(2) == 0;
        let needed = if is_sync { 0 } else { temporal };
        let references = self.newest[..=usize::from(needed)].iter().flatten();
        let frame = Frame {
            is_key,
            temporal,
            references: references.copied().collect(),
            packets: count(noise, (0, temporal)),
            picture: id,
            number: self.picture_id,
            ..Frame::default()
        };
        self.newest[usize::from(temporal)] = Some(id);
        let head = |index| Head {
            payload: self.head(index, &frame, is_sync),
            ..Head::default()
        };
        let heads = (0..frame.packets).map(head).collect();
        Coded { frame, heads }
    }

    /// Counts the next frame, and tells its temporal layer.
    fn advance(&mut self, is_key: bool) -> u8 {
        let pattern = pattern(self.layers);
        self.frames = if is_key { 0 } else { self.frames + 1 };
        let temporal = pattern[self.frames as usize % pattern.len()];
        if is_key {
            self.newest = [None; 3];
            self.key_index = (self.key_index + 1) % 32;
        }
        self.picture_id = self.picture_id.wrapping_add(1) % (1 << 15);
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(temporal == 0));
        temporal
    }

    fn head(&self, index: u8, frame: &Frame, is_sync: bool) -> Vec<u8> {
        // X, S in the first packet; I L T K.
        let mut head = vec![0x80 | if index == 0 { 0x10 } else { 0 }, 0xF0];
        match self.is_short {
            true => head.push(self.picture_id as u8 & 0x7F),
            false => head.extend((0x8000 | self.picture_id).to_be_bytes()),
        }
        head.push(self.tl0_index);
        head.push(frame.temporal << 6 | u8::from(is_sync) << 5 | self.key_index);
        head.push(u8::from(!frame.is_key));
        if frame.is_key && index == 0 {
            head.extend(KEY_FRAME_HEADER);
        }
        head
    }
}

/// Reads a packet with every field.
pub(super) fn see(payload: &[u8]) -> Option<Seen> {
    let (&[first, 0xF0], rest) = payload.split_first_chunk()? else {
        return None;
    };
    let is_long = rest.first()? & 0x80 != 0;
    let (picture_id, rest) = match is_long {
        true => {
            let (id, rest) = rest.split_first_chunk()?;
            (u16::from_be_bytes(*id) & 0x7FFF, rest)
        }
        false => (rest[0].into(), &rest[1..]),
    };
    let [tl0_index, layers, frame] = *rest.first_chunk()?;
    (first & 0x80 != 0).then_some(Seen {
        begins: first & 0x10 != 0,
        number: (picture_id, if is_long { 15 } else { 7 }),
        is_compressed: true,
        tl0_index: Some(tl0_index),
        temporal: (layers >> 6, layers & 0x20 != 0),
        spatial: 0,
        key_index: Some(layers & 0x1F),
        is_key: frame & 1 == 0,
    })
}
