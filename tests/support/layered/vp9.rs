//! VP9 in spatial and temporal layers (RFC 9628), and what a decoder reads of it.

use super::frame::{Frame, FrameId, Seen, body, named};
use crate::noise::Noise;
use crate::packet::Packet;

/// How spatial layers need each other, and how that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Mode {
    /// In key pictures alone.
    pub is_ksvc: bool,
    /// Each packet lists what it refers to.
    pub is_flexible: bool,
}

/// An encoder of three spatial and three temporal layers.
#[derive(Clone, Debug)]
pub struct Vp9Encoder {
    mode: Vp9Mode,
    picture_id: u16,
    tl0_index: u8,
    /// Pictures since the last key picture.
    pictures: u16,
    /// How many spatial layers it makes: 1 to 3.
    pub spatial: u8,
    spatial_max: u8,
    /// All frames are of the lowest temporal layer (flexible mode).
    pub is_flat: bool,
    /// The group that it tells says of no picture what that refers to.
    pub is_vague: bool,
    /// The newest picture and frame of each spatial and temporal layer since the last key picture.
    newest: [[Option<(u16, FrameId)>; 3]; 3],
}

/// The temporal layers of a group, and how many pictures before is what each refers to.
const GROUP: [(u8, &[u16]); 4] = [(0, &[4]), (2, &[1]), (1, &[2]), (2, &[1, 3])];

impl Vp9Encoder {
    /// An encoder with counters that begin anywhere.
    pub fn new(mode: Vp9Mode, spatial: u8, noise: &mut Noise) -> Self {
        Self {
            mode,
            picture_id: noise.below(1 << 15) as u16,
            tl0_index: noise.below(256) as u8,
            pictures: 0,
            spatial,
            spatial_max: spatial,
            is_flat: false,
            is_vague: false,
            newest: [[None; 3]; 3],
        }
    }

    /// Makes more spatial layers, or fewer; true when that takes a key picture.
    pub fn set_spatial(&mut self, spatial: u8) -> bool {
        let spatial = spatial.min(self.spatial_max);
        let rises = spatial > std::mem::replace(&mut self.spatial, spatial);
        // What begins again refers to nothing of its own.
        self.newest[usize::from(spatial)..].fill([None; 3]);
        rises && (self.mode.is_ksvc || !self.mode.is_flexible)
    }

    /// Picture ids go on from far before the newest.
    pub fn count_anew(&mut self) {
        self.picture_id = self.picture_id.wrapping_sub(5_000) % (1 << 15);
    }

    /// The frames of the next picture, the first of which will be `id`, with their payloads.
    pub fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut Noise,
    ) -> Vec<(Frame, Vec<Vec<u8>>)> {
        self.pictures = if is_key { 0 } else { self.pictures + 1 };
        self.picture_id = (self.picture_id + 1) % (1 << 15);
        if is_key {
            self.newest = [[None; 3]; 3];
        }
        let (temporal, back) = match self.is_flat {
            true => (0, &[1][..]),
            false => GROUP[usize::from(self.pictures % 4)],
        };
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(temporal == 0));
        let mut frames = Vec::new();
        for spatial in 0..self.spatial {
            let own = id + FrameId::from(spatial);
            let references = self.references(spatial, temporal, back);
            let needs_below = spatial > 0 && (is_key || !self.mode.is_ksvc);
            let ids = references.iter().map(|(_, id)| *id);
            let frame = Frame {
                is_key,
                spatial,
                temporal,
                references: ids.chain(needs_below.then(|| own - 1)).collect(),
                packets: 1 + noise.below(3) as u8,
                picture: id,
                number: self.picture_id,
                ..Frame::default()
            };
            let payload = |index| self.payload(own, index, &frame, &references, needs_below);
            let payloads = (0..frame.packets).map(payload).collect();
            frames.push((frame, payloads));
        }
        for spatial in 0..self.spatial {
            let own = (self.picture_id, id + FrameId::from(spatial));
            self.newest[usize::from(spatial)][usize::from(temporal)] = Some(own);
        }
        frames
    }

    /// What a frame refers to in earlier pictures: how many before, and which frames.
    fn references(&self, spatial: u8, temporal: u8, back: &[u16]) -> Vec<(u16, FrameId)> {
        let newest = &self.newest[usize::from(spatial)];
        let ago =
            |(picture, id): (u16, FrameId)| (self.picture_id.wrapping_sub(picture) % (1 << 15), id);
        let known = newest.iter().flatten().copied().map(ago);
        match self.mode.is_flexible {
            // The newest of a lower layer, or of its own.
            true => {
                let lower = &newest[..usize::from(temporal.max(1))];
                lower
                    .iter()
                    .rev()
                    .flatten()
                    .copied()
                    .map(ago)
                    .take(1)
                    .collect()
            }
            false => known.filter(|(ago, _)| back.contains(ago)).collect(),
        }
    }

    fn payload(
        &self,
        id: FrameId,
        index: u8,
        frame: &Frame,
        references: &[(u16, FrameId)],
        needs_below: bool,
    ) -> Vec<u8> {
        let is_inter = !references.is_empty();
        let (begins, ends) = (index == 0, index + 1 == frame.packets);
        let is_alone = match self.mode.is_ksvc {
            true => !frame.is_key,
            false => frame.spatial + 1 == self.spatial_max,
        };
        let describes = frame.is_key && frame.spatial == 0 && begins && !self.mode.is_flexible;
        let flags = [
            true,
            is_inter,
            true,
            self.mode.is_flexible,
            begins,
            ends,
            describes,
            is_alone,
        ];
        let flags = flags
            .iter()
            .fold(0, |byte, flag| byte << 1 | u8::from(*flag));
        let mut payload = vec![flags];
        payload.extend((0x8000 | self.picture_id).to_be_bytes());
        payload.push(frame.temporal << 5 | 0x10 | frame.spatial << 1 | u8::from(needs_below));
        if !self.mode.is_flexible {
            payload.push(self.tl0_index);
        } else if is_inter {
            let last = references.len() - 1;
            let listed = references.iter().enumerate();
            payload.extend(listed.map(|(at, (ago, _))| (*ago as u8) << 1 | u8::from(at != last)));
        }
        if describes {
            // No sizes, a group of four.
            payload.extend([(self.spatial_max - 1) << 5 | 0x08, 4]);
            for (temporal, back) in GROUP {
                let back = if self.is_vague { &[][..] } else { back };
                payload.push(temporal << 5 | 0x10 | (back.len() as u8) << 2);
                payload.extend(back.iter().map(|back| *back as u8));
            }
        }
        payload.extend(body(0xFF, id, index));
        payload
    }
}

/// Reads a packet of [`Vp9Encoder`].
pub(super) fn see(packet: &Packet) -> Seen {
    let payload = &packet.payload;
    let flag = |bit: u8| payload[0] & bit != 0;
    assert!(
        flag(0x80) && flag(0x20) && payload[1] & 0x80 != 0,
        "a long picture id and layers"
    );
    let picture_id = u16::from_be_bytes([payload[1] & 0x7F, payload[2]]);
    let layers = payload[3];
    let is_flexible = flag(0x10);
    // The body is what is behind all that the descriptor may have.
    let body = &payload[payload.len() - 6..];
    Seen {
        begins: flag(0x08),
        number: (picture_id, 15),
        is_compressed: false,
        tl0_index: (!is_flexible).then(|| payload[4]),
        temporal: (layers >> 5, layers & 0x10 != 0),
        spatial: layers >> 1 & 7,
        key_index: None,
        is_key: !flag(0x40) && layers >> 1 & 7 == 0,
        frame: named(body),
    }
}
