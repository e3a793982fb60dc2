//! What makes such frames.

use super::structure::Structure;
use crate::coding::bits::Fields;
use crate::coding::frame::{Coded, Count, Frame, FrameId, Head, pattern, reference};
use crate::coding::stacking::Stacking;
use crate::draw::Draw;

/// What is in front of the payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// An aggregation header.
    Av1,
    /// The header of a unit.
    H264,
    /// The header of a unit, of two bytes.
    H265,
    /// A payload descriptor of one byte.
    Vp8,
}

/// An encoder of up to three temporal and three spatial layers.
#[derive(Clone, Debug)]
pub struct DependencyEncoder {
    wrapping: Wrapping,
    structure: Structure,
    /// How many spatial layers it makes.
    pub spatial: u8,
    /// The lowest one that it makes: another than 0 where each stands alone.
    pub lowest: u8,
    /// One that it leaves out of them, without a word.
    pub absent: Option<u8>,
    frame_number: u16,
    offset: u8,
    /// Pictures since the last key picture.
    pictures: u16,
    /// The newest frame of each spatial and temporal layer since the last key picture.
    newest: [[Option<(u16, FrameId)>; 3]; 3],
    /// Which targets are active was told last, as the lowest spatial layer and how many there are.
    told: (u8, u8),
    /// It sends no descriptors, and makes one temporal layer.
    pub is_mute: bool,
    /// Frames refer to older ones than they could.
    pub is_stray: bool,
    /// It does not tell which targets are active.
    pub is_tacit: bool,
    /// Each layer that stands alone begins as if there were no other, as libwebrtc has it: with the
    /// templates, and when it comes back in a picture where the others go on.
    begins_alone: bool,
}

/// What a descriptor says beside its frame.
struct Telling {
    /// How far before the frames are that it refers to.
    back: Vec<u16>,
    /// Its first packet has the templates.
    brings: bool,
    /// Each packet has which targets are active.
    tells: bool,
}

impl DependencyEncoder {
    /// An encoder of so many spatial and temporal layers, with counters that begin anywhere.
    pub fn new(
        wrapping: Wrapping,
        (spatial, temporal): (u8, u8),
        stacking: Stacking,
        noise: &mut dyn Draw,
    ) -> Self {
        let begins_alone = stacking == Stacking::Alone && noise.below(2) == 0;
        Self {
            wrapping,
            structure: Structure {
                stacking,
                spatial,
                temporal,
            },
            spatial,
            lowest: 0,
            absent: None,
            frame_number: noise.below(1 << 16) as u16,
            offset: noise.below(64) as u8,
            pictures: 0,
            newest: [[None; 3]; 3],
            told: (0, spatial),
            is_mute: false,
            is_stray: false,
            is_tacit: false,
            begins_alone,
        }
    }

    /// Makes more spatial layers, or fewer; true when that takes a key picture.
    pub fn set_spatial(&mut self, spatial: u8) -> bool {
        let spatial = spatial.min(self.structure.spatial);
        let rises = spatial > std::mem::replace(&mut self.spatial, spatial);
        // What begins again refers to nothing of its own.
        self.newest[usize::from(spatial)..].fill([None; 3]);
        rises && self.structure.stacking != Stacking::Full && !self.begins_alone
    }

    /// Frame numbers go on from far before the newest.
    pub fn count_anew(&mut self) {
        self.frame_number = self.frame_number.wrapping_sub(5_000);
    }

    /// The next frame has the number behind this one: that of another encoding, where several share one
    /// count.
    pub fn go_on_from(&mut self, number: u16) {
        self.frame_number = number;
    }

    /// The frames of the next picture, the first of which will be `id`.
    pub(in crate::coding) fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut dyn Draw,
        count: Count<'_>,
    ) -> Vec<Coded> {
        let temporal = self.advance(is_key);
        // Some pictures refer to the newest ones of their own layer too.
        let refers_to_own = temporal == 2 && noise.below(3) == 0;
        let (mut frames, mut made) = (Vec::new(), Vec::new());
        for spatial in 0..self.spatial {
            let layers = (spatial, self.temporal(spatial, temporal, is_key));
            if !self.sends(layers) {
                continue;
            }
            self.frame_number = self.frame_number.wrapping_add(1);
            let own = id + frames.len() as FrameId;
            let refers_to_own = refers_to_own && layers.1 == 2;
            let references = self.references(own, layers, is_key, refers_to_own);
            let frame = Frame {
                is_key: is_key || self.begins_again(spatial),
                spatial,
                temporal: layers.1,
                references: references.iter().map(|(_, id)| *id).collect(),
                packets: count(noise, layers),
                picture: id,
                number: self.frame_number,
            };
            frames.push(self.coded(frame, &references));
            made.push((layers, (self.frame_number, own)));
        }
        self.told = self.active();
        for ((spatial, temporal), made) in made {
            self.newest[usize::from(spatial)][usize::from(temporal)] = Some(made);
        }
        frames
    }

    /// The temporal layer of a frame of a picture of temporal layer `temporal`.
    fn temporal(&self, spatial: u8, temporal: u8, is_key: bool) -> u8 {
        let pattern = pattern(self.structure.temporal);
        let is_shifted = self.structure.stacking == Stacking::KeyShift && !self.is_mute;
        match is_shifted && !is_key {
            true => {
                let behind = usize::from(self.structure.spatial - 1 - spatial);
                pattern[(usize::from(self.pictures) + pattern.len() - behind) % pattern.len()]
            }
            false => temporal,
        }
    }

    /// A layer that comes back by itself does so with its lowest rate.
    fn sends(&self, (spatial, temporal): (u8, u8)) -> bool {
        self.makes(spatial) && (temporal == 0 || !self.begins_again(spatial))
    }

    fn makes(&self, spatial: u8) -> bool {
        self.absent != Some(spatial) && spatial >= self.lowest
    }

    /// The spatial layers that it tells of.
    fn active(&self) -> (u8, u8) {
        (self.lowest, self.spatial)
    }

    /// A layer refers to nothing, whatever the others do.
    fn begins_again(&self, spatial: u8) -> bool {
        self.begins_alone
            && self.newest[usize::from(spatial)]
                .iter()
                .all(Option::is_none)
    }

    /// Counts the next picture, and tells its temporal layer.
    fn advance(&mut self, is_key: bool) -> u8 {
        self.pictures = if is_key { 0 } else { self.pictures + 1 };
        if is_key {
            self.newest = [[None; 3]; 3];
        }
        let pattern = pattern(self.structure.temporal);
        match self.is_mute {
            true => 0,
            false => pattern[usize::from(self.pictures) % pattern.len()],
        }
    }

    /// What a frame refers to, and under which numbers that was sent.
    fn references(
        &self,
        own: FrameId,
        (spatial, temporal): (u8, u8),
        is_key: bool,
        refers_to_own: bool,
    ) -> Vec<(u16, FrameId)> {
        let mut references = Vec::new();
        if spatial > 0 && self.structure.stacking.needs_below(is_key) {
            references.push((self.frame_number.wrapping_sub(1), own - 1));
        }
        let layers = &self.newest[usize::from(spatial)];
        references.extend(reference(layers, temporal, self.is_stray));
        if refers_to_own {
            references.extend(layers[2]);
        }
        references
    }

    fn coded(&self, frame: Frame, references: &[(u16, FrameId)]) -> Coded {
        let back = |(number, _): &(u16, FrameId)| self.frame_number.wrapping_sub(*number);
        let brings = frame.is_key && (frame.spatial == self.lowest || self.begins_alone);
        let all = (0, self.structure.spatial);
        let telling = Telling {
            back: references.iter().map(back).collect(),
            brings,
            // Told with each packet of a picture, or with the templates.
            tells: !self.is_tacit
                && (self.told != self.active() || (brings && self.active() != all)),
        };
        let head = |index| Head {
            payload: self.head(index, &frame),
            dependencies: self.descriptor(&frame, index, &telling),
        };
        let heads = (0..frame.packets).map(head).collect();
        Coded { frame, heads }
    }

    fn head(&self, index: u8, frame: &Frame) -> Vec<u8> {
        let begins_key =
            frame.is_key && (frame.spatial == self.lowest || self.begins_alone) && index == 0;
        // Without descriptors a parameter set tells where a decoder can begin.
        let is_set = begins_key && self.is_mute;
        match self.wrapping {
            Wrapping::Av1 => vec![0x10 | u8::from(begins_key) << 3],
            Wrapping::H264 if is_set => vec![0x67],
            Wrapping::H264 if frame.is_key => vec![0x65],
            Wrapping::H264 => vec![0x41],
            Wrapping::H265 if is_set => vec![0x40, 1],
            Wrapping::H265 if frame.is_key => vec![0x26, 1],
            Wrapping::H265 => vec![0x02, 1],
            // The first byte of a VP8 frame tells whether it is a key frame.
            Wrapping::Vp8 => vec![u8::from(index == 0) << 4, u8::from(!frame.is_key)],
        }
    }

    fn descriptor(&self, frame: &Frame, index: u8, telling: &Telling) -> Vec<u8> {
        let mut out = Fields::default();
        if self.is_mute {
            return out.bytes();
        }
        let templates = self.structure.templates();
        let template = (frame.spatial, frame.temporal, frame.is_key);
        let mut kinds = templates.iter();
        let position = kinds.position(|it| (it.spatial, it.temporal, it.is_key) == template);
        let position = position.expect("every frame has a template");
        out.put(u32::from(index == 0), 1);
        out.put(u32::from(index + 1 == frame.packets), 1);
        out.put((u32::from(self.offset) + position as u32) % 64, 6);
        out.put(frame.number.into(), 16);
        let brings = telling.brings && index == 0;
        let is_custom = templates[position].references != telling.back;
        if !(brings || telling.tells || is_custom) {
            return out.bytes();
        }
        for flag in [brings, telling.tells, false, is_custom, is_custom] {
            out.put(flag.into(), 1);
        }
        if brings {
            self.structure.put(self.offset, &mut out);
        }
        if telling.tells {
            self.put_active(&mut out);
        }
        if is_custom {
            self.put_references(&telling.back, &mut out);
        }
        out.bytes()
    }

    fn put_active(&self, out: &mut Fields) {
        let targets = self.structure.targets();
        let active = targets.iter().enumerate();
        let made = self.lowest..self.spatial;
        let bits = active.map(|(at, (spatial, _))| u32::from(made.contains(spatial)) << at);
        out.put(bits.sum(), targets.len());
    }

    fn put_references(&self, back: &[u16], out: &mut Fields) {
        for &back in back {
            let size = match back {
                0..=16 => 1,
                17..=256 => 2,
                _ => 3,
            };
            out.put(size, 2);
            out.put(u32::from(back) - 1, 4 * size as usize);
        }
        out.put(0, 2);
        // How far before each chain is.
        for chain in 0..self.structure.spatial {
            out.put(u32::from(chain) + 1, 8);
        }
    }
}
