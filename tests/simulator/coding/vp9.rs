//! VP9 in spatial and temporal layers (RFC 9628), and what a decoder reads of it.

use super::frame::{Coded, Count, Frame, FrameId, Head, reference};
use super::seen::Seen;
use super::stacking::Stacking;
use crate::draw::Draw;

/// How spatial layers need each other, and how that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Mode {
    /// How they need each other.
    pub stacking: Stacking,
    /// Each packet lists what it refers to.
    pub is_flexible: bool,
}

/// An encoder of up to three spatial and three temporal layers.
#[derive(Clone, Debug)]
pub struct Vp9Encoder {
    mode: Vp9Mode,
    picture_id: u16,
    /// Picture ids have seven bits.
    pub is_short: bool,
    tl0_index: u8,
    /// Pictures since the last key picture.
    pictures: u16,
    /// How many spatial layers it makes: 1 to 3.
    pub spatial: u8,
    spatial_max: u8,
    /// One that it leaves out of them.
    pub absent: Option<u8>,
    /// How many temporal layers it makes: 1 to 3.
    pub temporal: u8,
    /// The group that it tells says of no picture what that refers to.
    pub is_vague: bool,
    /// Frames refer to older ones than they could (flexible mode).
    pub is_stray: bool,
    /// The newest picture and frame of each spatial and temporal layer since the last key picture.
    newest: [[Option<(u16, FrameId)>; 3]; 3],
}

/// The temporal layers of a group, and how many pictures before is what each refers to.
type Group = &'static [(u8, &'static [u16])];

/// Groups of one to three temporal layers.
const GROUPS: [Group; 3] = [
    &[(0, &[1])],
    &[(0, &[2]), (1, &[1])],
    &[(0, &[4]), (2, &[1]), (1, &[2]), (2, &[1, 3])],
];

impl Vp9Encoder {
    /// An encoder with counters that begin anywhere.
    pub fn new(mode: Vp9Mode, (spatial, temporal): (u8, u8), noise: &mut dyn Draw) -> Self {
        Self {
            mode,
            picture_id: noise.below(1 << 15) as u16,
            is_short: false,
            tl0_index: noise.below(256) as u8,
            pictures: 0,
            spatial,
            spatial_max: spatial,
            absent: None,
            temporal,
            is_vague: false,
            is_stray: false,
            newest: [[None; 3]; 3],
        }
    }

    /// Makes more spatial layers, or fewer; true when that takes a key picture.
    pub fn set_spatial(&mut self, spatial: u8) -> bool {
        let spatial = spatial.min(self.spatial_max);
        let rises = spatial > std::mem::replace(&mut self.spatial, spatial);
        // What begins again refers to nothing of its own.
        self.newest[usize::from(spatial)..].fill([None; 3]);
        rises && (self.mode.stacking != Stacking::Full || !self.mode.is_flexible)
    }

    /// Picture ids go on from far before the newest.
    pub fn count_anew(&mut self) {
        self.picture_id = self.picture_id.wrapping_sub(5_000) % (1 << 15);
    }

    fn group(&self) -> Group {
        GROUPS[usize::from(self.temporal.clamp(1, 3)) - 1]
    }

    /// The frames of the next picture, the first of which will be `id`.
    pub(super) fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut dyn Draw,
        count: Count<'_>,
    ) -> Vec<Coded> {
        let (temporal, back) = self.advance(is_key);
        let mut frames = Vec::new();
        let (absent, layers) = (self.absent, 0..self.spatial);
        let layers = layers.filter(|&spatial| absent != Some(spatial));
        for (own, spatial) in (id..).zip(layers) {
            let references = self.references(spatial, temporal, back);
            let needs_below = spatial > 0 && self.mode.stacking.needs_below(is_key);
            let ids = references.iter().map(|(_, id)| *id);
            let frame = Frame {
                is_key,
                spatial,
                temporal,
                references: ids.chain(needs_below.then(|| own - 1)).collect(),
                packets: count(noise, (spatial, temporal)),
                picture: id,
                number: self.picture_id,
            };
            let head = |index| Head {
                payload: self.head(index, &frame, &references, needs_below),
                ..Head::default()
            };
            let heads = (0..frame.packets).map(head).collect();
            frames.push(Coded { frame, heads });
        }
        for (own, Coded { frame, .. }) in (id..).zip(&frames) {
            let own = Some((self.picture_id, own));
            self.newest[usize::from(frame.spatial)][usize::from(temporal)] = own;
        }
        frames
    }

    /// Counts the next picture, and tells its place in the group.
    fn advance(&mut self, is_key: bool) -> (u8, &'static [u16]) {
        self.pictures = if is_key { 0 } else { self.pictures + 1 };
        self.picture_id = (self.picture_id + 1) % (1 << 15);
        if is_key {
            self.newest = [[None; 3]; 3];
        }
        let group = self.group();
        let (temporal, back) = group[usize::from(self.pictures) % group.len()];
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(temporal == 0));
        (temporal, back)
    }

    /// What a frame refers to in earlier pictures: how many before, and which frames.
    fn references(&self, spatial: u8, temporal: u8, back: &[u16]) -> Vec<(u16, FrameId)> {
        let newest = &self.newest[usize::from(spatial)];
        let ago =
            |(picture, id): (u16, FrameId)| (self.picture_id.wrapping_sub(picture) % (1 << 15), id);
        match self.mode.is_flexible {
            true => {
                let reference = reference(newest, temporal, self.is_stray);
                reference.into_iter().map(ago).collect()
            }
            false => {
                let known = newest.iter().flatten().copied().map(ago);
                known.filter(|(ago, _)| back.contains(ago)).collect()
            }
        }
    }

    fn head(
        &self,
        index: u8,
        frame: &Frame,
        references: &[(u16, FrameId)],
        needs_below: bool,
    ) -> Vec<u8> {
        let is_inter = !references.is_empty();
        // Who begins with a layer that stands alone needs it as well.
        let begins = frame.is_key && !needs_below && index == 0;
        let describes = begins && !self.mode.is_flexible;
        let mut head = vec![self.flags(index, frame, is_inter, describes)];
        match self.is_short {
            true => head.push(self.picture_id as u8 & 0x7F),
            false => head.extend((0x8000 | self.picture_id).to_be_bytes()),
        }
        head.push(frame.temporal << 5 | 0x10 | frame.spatial << 1 | u8::from(needs_below));
        if !self.mode.is_flexible {
            head.push(self.tl0_index);
        } else if is_inter {
            let last = references.len() - 1;
            let listed = references.iter().enumerate();
            head.extend(listed.map(|(at, (ago, _))| (*ago as u8) << 1 | u8::from(at != last)));
        }
        if describes {
            self.describe(&mut head);
        }
        head.push(0xFF);
        head
    }

    /// I P L F B E V Z.
    fn flags(&self, index: u8, frame: &Frame, is_inter: bool, describes: bool) -> u8 {
        let is_alone = match self.mode.stacking {
            Stacking::Full => frame.spatial + 1 == self.spatial_max,
            Stacking::Key | Stacking::KeyShift => !frame.is_key,
            Stacking::Alone => true,
        };
        let flags = [
            true,
            is_inter,
            true,
            self.mode.is_flexible,
            index == 0,
            index + 1 == frame.packets,
            describes,
            is_alone,
        ];
        let flags = flags.iter();
        flags.fold(0, |byte, flag| byte << 1 | u8::from(*flag))
    }

    /// The scalability structure: no sizes, and a group.
    fn describe(&self, head: &mut Vec<u8>) {
        let group = self.group();
        head.extend([(self.spatial_max - 1) << 5 | 0x08, group.len() as u8]);
        for (temporal, back) in group {
            let back = if self.is_vague { &[][..] } else { back };
            head.push(temporal << 5 | 0x10 | (back.len() as u8) << 2);
            head.extend(back.iter().map(|back| *back as u8));
        }
    }
}

/// Reads a packet with a picture id and layers.
pub(super) fn see(payload: &[u8]) -> Option<Seen> {
    let (&flags, rest) = payload.split_first()?;
    let flag = |bit: u8| flags & bit != 0;
    let (number, rest) = match *rest.first()? {
        0x80.. => {
            let (id, rest) = rest.split_first_chunk()?;
            ((u16::from_be_bytes(*id) & 0x7FFF, 15), rest)
        }
        short => ((short.into(), 7), &rest[1..]),
    };
    let [layers, next] = *rest.first_chunk()?;
    let spatial = layers >> 1 & 7;
    (flag(0x80) && flag(0x20)).then_some(Seen {
        begins: flag(0x08),
        number,
        is_compressed: false,
        tl0_index: (!flag(0x10)).then_some(next),
        temporal: (layers >> 5, layers & 0x10 != 0),
        spatial,
        key_index: None,
        is_key: !flag(0x40) && spatial == 0,
    })
}
