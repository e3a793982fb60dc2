//! Frames that tell what they need in dependency descriptors (AV1 RTP specification, appendix A),
//! and what a decoder reads of them.

use std::collections::BTreeSet;

use super::bits::{Fields, Reader};
use super::frame::{Frame, FrameId, Seen, body, named};
use crate::noise::Noise;
use crate::packet::Packet;

/// The identifier under which encoders send descriptors.
pub const DEPENDENCIES: u8 = 12;
/// The identifier under which routers forward them.
pub const FORWARDED_DEPENDENCIES: u8 = 7;

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

/// How spatial layers need each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stacking {
    /// Each needs the one below in every picture: `L3T3`.
    Full,
    /// Each needs the one below in key pictures alone: `L3T3_KEY`.
    Key,
    /// They do not: `S3T3`.
    Alone,
}

impl Stacking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Full, Self::Key, Self::Alone];

    /// The scalability mode of three spatial and three temporal layers.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Full => "L3T3",
            Self::Key => "L3T3_KEY",
            Self::Alone => "S3T3",
        }
    }

    /// Frames above the lowest layer need the one below.
    fn needs_below(self, is_key: bool) -> bool {
        self == Self::Full || (self == Self::Key && is_key)
    }
}

/// An encoder of three temporal and up to three spatial layers.
#[derive(Clone, Debug)]
pub struct DependencyEncoder {
    wrapping: Wrapping,
    stacking: Stacking,
    spatial_max: u8,
    /// How many spatial layers it makes.
    pub spatial: u8,
    frame_number: u16,
    offset: u8,
    /// Pictures since the last key picture.
    pictures: u16,
    /// The newest frame of each spatial and temporal layer since the last key picture.
    newest: [[Option<(u16, FrameId)>; 3]; 3],
    /// Which targets are active was told last, as spatial layers.
    told: u8,
    /// It sends no descriptors, and makes one temporal layer.
    pub is_mute: bool,
}

const TEMPORAL: u8 = 3;
/// The temporal layers of a group.
const GROUP: [u8; 4] = [0, 2, 1, 2];

/// A template: layers, targets that frames are part of, and how far before they refer to.
struct Template {
    spatial: u8,
    temporal: u8,
    is_key: bool,
    references: Vec<u16>,
}

impl DependencyEncoder {
    /// An encoder with counters that begin anywhere.
    pub fn new(wrapping: Wrapping, spatial: u8, stacking: Stacking, noise: &mut Noise) -> Self {
        Self {
            wrapping,
            stacking,
            spatial_max: spatial,
            spatial,
            frame_number: noise.below(1 << 16) as u16,
            offset: noise.below(64) as u8,
            pictures: 0,
            newest: [[None; 3]; 3],
            told: spatial,
            is_mute: false,
        }
    }

    /// Makes more spatial layers, or fewer; true when that takes a key picture.
    pub fn set_spatial(&mut self, spatial: u8) -> bool {
        let spatial = spatial.min(self.spatial_max);
        let rises = spatial > std::mem::replace(&mut self.spatial, spatial);
        // What begins again refers to nothing of its own.
        self.newest[usize::from(spatial)..].fill([None; 3]);
        rises && self.stacking != Stacking::Full
    }

    /// Frame numbers go on from far before the newest.
    pub fn count_anew(&mut self) {
        self.frame_number = self.frame_number.wrapping_sub(5_000);
    }

    /// All templates, in the order of their layers: key pictures, and the others.
    fn templates(&self) -> Vec<Template> {
        let mut templates = Vec::new();
        for spatial in 0..self.spatial_max {
            for temporal in 0..TEMPORAL {
                let step = u16::from(self.spatial_max);
                let below = (spatial > 0).then_some(1);
                let mut add = |is_key: bool, back: &[u16]| {
                    let below = below.filter(|_| self.stacking.needs_below(is_key));
                    templates.push(Template {
                        spatial,
                        temporal,
                        is_key,
                        references: below.into_iter().chain(back.iter().copied()).collect(),
                    });
                };
                match temporal {
                    0 => {
                        add(true, &[]);
                        add(false, &[4 * step]);
                    }
                    1 => add(false, &[2 * step]),
                    _ => add(false, &[step]),
                }
            }
        }
        templates
    }

    fn is_part(&self, frame: (u8, u8, bool), target: (u8, u8)) -> bool {
        let ((spatial, temporal, is_key), (target_spatial, target_temporal)) = (frame, target);
        let is_below = match self.stacking.needs_below(is_key) {
            true => spatial <= target_spatial,
            false => spatial == target_spatial,
        };
        is_below && temporal <= target_temporal
    }

    fn targets(&self) -> Vec<(u8, u8)> {
        let spatial = 0..self.spatial_max;
        spatial
            .flat_map(|spatial| (0..TEMPORAL).map(move |temporal| (spatial, temporal)))
            .collect()
    }

    /// The frames of the next picture, the first of which will be `id`, with their payloads and
    /// descriptors.
    pub fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut Noise,
    ) -> Vec<(Frame, Vec<(Vec<u8>, Vec<u8>)>)> {
        self.pictures = if is_key { 0 } else { self.pictures + 1 };
        if is_key {
            self.newest = [[None; 3]; 3];
        }
        let temporal = match self.is_mute {
            true => 0,
            false => GROUP[usize::from(self.pictures % 4)],
        };
        // Some pictures refer to the newest ones of their own layer too.
        let refers_to_own = temporal == 2 && noise.below(3) == 0;
        let mut frames = Vec::new();
        let mut made = Vec::new();
        for spatial in 0..self.spatial {
            self.frame_number = self.frame_number.wrapping_add(1);
            let own = id + FrameId::from(spatial);
            let needs_below = spatial > 0 && self.stacking.needs_below(is_key);
            let mut references: Vec<(u16, FrameId)> = Vec::new();
            references.extend(needs_below.then(|| (self.frame_number.wrapping_sub(1), own - 1)));
            let layers = &self.newest[usize::from(spatial)];
            let lower = layers[..usize::from(temporal.max(1))].iter();
            references.extend(lower.rev().flatten().take(1));
            if refers_to_own {
                references.extend(layers[2]);
            }
            let frame = Frame {
                is_key,
                spatial,
                temporal,
                references: references.iter().map(|(_, id)| *id).collect(),
                packets: 1 + noise.below(3) as u8,
                picture: id,
                number: self.frame_number,
                ..Frame::default()
            };
            let back = |(number, _): &(u16, FrameId)| self.frame_number.wrapping_sub(*number);
            let back: Vec<u16> = references.iter().map(back).collect();
            let brings = is_key && spatial == 0;
            // Told with each packet of a picture, or with the templates.
            let tells = self.told != self.spatial || (brings && self.spatial != self.spatial_max);
            let packets = 0..frame.packets;
            let payloads = packets.map(|index| {
                let descriptor = self.descriptor(&frame, index, &back, brings && index == 0, tells);
                (self.payload(own, index, &frame), descriptor)
            });
            frames.push((frame.clone(), payloads.collect()));
            made.push((self.frame_number, own));
        }
        self.told = self.spatial;
        for (layers, made) in self.newest.iter_mut().zip(made) {
            layers[usize::from(temporal)] = Some(made);
        }
        frames
    }

    fn payload(&self, id: FrameId, index: u8, frame: &Frame) -> Vec<u8> {
        let begins_key = frame.is_key && frame.spatial == 0 && index == 0;
        // Without descriptors a parameter set tells where a decoder can begin.
        let is_set = begins_key && self.is_mute;
        let mut payload = match self.wrapping {
            Wrapping::Av1 => vec![0x10 | u8::from(begins_key) << 3],
            Wrapping::H264 if is_set => vec![0x67],
            Wrapping::H264 if frame.is_key => vec![0x65],
            Wrapping::H264 => vec![0x41],
            Wrapping::H265 if is_set => vec![0x40, 1],
            Wrapping::H265 if frame.is_key => vec![0x26, 1],
            Wrapping::H265 => vec![0x02, 1],
            // The first byte of a VP8 frame tells whether it is a key frame.
            Wrapping::Vp8 => vec![u8::from(index == 0) << 4, u8::from(!frame.is_key)],
        };
        let layers = frame.spatial << 4 | frame.temporal;
        payload.extend(body(layers, id, index));
        payload
    }

    fn descriptor(
        &self,
        frame: &Frame,
        index: u8,
        back: &[u16],
        brings: bool,
        tells: bool,
    ) -> Vec<u8> {
        if self.is_mute {
            return Vec::new();
        }
        let templates = self.templates();
        let is_it = |template: &&Template| {
            (template.spatial, template.temporal) == (frame.spatial, frame.temporal)
                && template.is_key == frame.is_key
        };
        let position = templates.iter().position(|template| is_it(&template));
        let position = position.expect("every frame has a template");
        let is_custom = templates[position].references != back;
        let mut out = Fields::default();
        out.put(u32::from(index == 0), 1);
        out.put(u32::from(index + 1 == frame.packets), 1);
        out.put((u32::from(self.offset) + position as u32) % 64, 6);
        out.put(frame.number.into(), 16);
        if !(brings || tells || is_custom) {
            return out.bytes();
        }
        for flag in [brings, tells, false, is_custom, is_custom] {
            out.put(flag.into(), 1);
        }
        if brings {
            self.put_structure(&mut out, &templates);
        }
        if tells {
            let active = self.targets().into_iter().enumerate();
            let active = active.map(|(at, (spatial, _))| u32::from(spatial < self.spatial) << at);
            out.put(active.sum(), self.targets().len());
        }
        if is_custom {
            for &back in back {
                let size = if back > 16 { 2 } else { 1 };
                out.put(size, 2);
                out.put(u32::from(back) - 1, 4 * size as usize);
            }
            out.put(0, 2);
            // How far before each chain is.
            for chain in 0..self.spatial_max {
                out.put(u32::from(chain) + 1, 8);
            }
        }
        out.bytes()
    }

    fn put_structure(&self, out: &mut Fields, templates: &[Template]) {
        let targets = self.targets();
        out.put(self.offset.into(), 6);
        out.put(targets.len() as u32 - 1, 5);
        for pair in templates.windows(2) {
            let [before, after] = pair else { continue };
            let step = match (
                after.spatial > before.spatial,
                after.temporal > before.temporal,
            ) {
                (true, _) => 2,
                (false, true) => 1,
                (false, false) => 0,
            };
            out.put(step, 2);
        }
        out.put(3, 2);
        for template in templates {
            let frame = (template.spatial, template.temporal, template.is_key);
            for &target in &targets {
                out.put(if self.is_part(frame, target) { 2 } else { 0 }, 2);
            }
        }
        for template in templates {
            for back in &template.references {
                out.put(1, 1);
                out.put(u32::from(*back) - 1, 4);
            }
            out.put(0, 1);
        }
        // A chain for each spatial layer.
        let chains = u32::from(self.spatial_max);
        out.put_below(chains, targets.len() as u32 + 1);
        for (spatial, _) in &targets {
            out.put_below((*spatial).into(), chains);
        }
        for template in templates {
            for chain in 0..self.spatial_max {
                out.put(if template.is_key { chain.into() } else { 4 }, 4);
            }
        }
        out.put(1, 1);
        for spatial in 0..self.spatial_max {
            out.put((320 << spatial) - 1, 16);
            out.put((180 << spatial) - 1, 16);
        }
    }
}

/// Reads a packet of [`DependencyEncoder`] as it was forwarded.
pub(super) fn see(packet: &Packet) -> Seen {
    let body = &packet.payload[packet.payload.len() - 6..];
    let descriptor = descriptor_of(packet);
    let begins = descriptor.is_some_and(|value| value[0] & 0x80 != 0);
    let number = descriptor.map_or((0, 0), |value| {
        (u16::from_be_bytes([value[1], value[2]]), 16)
    });
    Seen {
        begins,
        number,
        // Without a descriptor nothing counts frames.
        is_compressed: descriptor.is_none(),
        tl0_index: None,
        temporal: (body[0] & 7, false),
        spatial: body[0] >> 4,
        key_index: None,
        is_key: false,
        frame: named(body),
    }
}

/// The descriptor of a packet, as it is sent or as it was forwarded.
pub fn descriptor_of(packet: &Packet) -> Option<&[u8]> {
    let is_it = |id: u8| id == DEPENDENCIES || id == FORWARDED_DEPENDENCIES;
    let mut extensions = packet.extensions.iter();
    let found = extensions.find(|(id, _)| is_it(*id));
    found.map(|(_, value)| &value[..])
}

/// What a receiver knows of the templates.
#[derive(Clone, Debug, Default)]
pub(super) struct Dependencies {
    offset: u32,
    templates: Vec<Known>,
    targets: usize,
    chains: u32,
    active: u32,
}

#[derive(Clone, Debug, Default)]
struct Known {
    layers: (u8, u8),
    parts: u32,
    references: Vec<u16>,
}

impl Dependencies {
    /// Reads the descriptor of a packet in order, and checks that it says of its frame what is so.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub(super) fn check(&mut self, value: &[u8], frame: &Frame, made: &[Frame]) {
        let mut bits = Reader::new(value);
        bits.take(2);
        let id = bits.take(6);
        let number = bits.take(16);
        let flags = if value.len() > 3 { bits.take(5) } else { 0 };
        let flag = |bit: u32| flags & bit != 0;
        if flag(0x10) {
            self.read(&mut bits);
        }
        if self.templates.is_empty() {
            // It came in the midst of what a receiver cannot begin with.
            return;
        }
        if flag(0x08) {
            self.active = bits.take(self.targets);
        }
        let known = &self.templates[((id + 64 - self.offset) % 64) as usize];
        let layers = (frame.spatial, frame.temporal);
        assert_eq!(known.layers, layers, "the layers of {frame:?}");
        assert!(!flag(0x04), "nothing has targets of its own");
        let mut references = known.references.clone();
        if flag(0x02) {
            references.clear();
            loop {
                match bits.take(2) {
                    0 => break,
                    size => references.push(bits.take(4 * size as usize) as u16 + 1),
                }
            }
        }
        if flag(0x01) {
            for chain in 0..self.chains {
                assert_eq!(bits.take(8), chain + 1, "chains are left alone");
            }
        }
        let back = |id: &FrameId| frame.number.wrapping_sub(made[*id as usize].number);
        let expected: BTreeSet<u16> = frame.references.iter().map(back).collect();
        let told: BTreeSet<u16> = references.into_iter().collect();
        assert_eq!(told, expected, "what frame {number} refers to, {frame:?}");
        assert_ne!(
            known.parts & self.active,
            0,
            "{frame:?} is of no active target"
        );
    }

    /// The highest layers that are active.
    pub(super) fn highest(&self) -> (u8, u8) {
        let targets = (0..self.targets).filter(|target| self.active >> target & 1 == 1);
        let layers = |target: usize| ((target / 3) as u8, (target % 3) as u8);
        targets.map(layers).fold((0, 0), |highest, layers| {
            (highest.0.max(layers.0), highest.1.max(layers.1))
        })
    }

    fn read(&mut self, bits: &mut Reader<'_>) {
        self.offset = bits.take(6);
        self.targets = bits.take(5) as usize + 1;
        self.active = u32::MAX >> (32 - self.targets);
        self.templates.clear();
        let mut layers = (0, 0);
        loop {
            self.templates.push(Known {
                layers,
                ..Known::default()
            });
            match bits.take(2) {
                0 => {}
                1 => layers.1 += 1,
                2 => layers = (layers.0 + 1, 0),
                _ => break,
            }
        }
        for template in &mut self.templates {
            for target in 0..self.targets {
                template.parts |= u32::from(bits.take(2) != 0) << target;
            }
        }
        for template in &mut self.templates {
            while bits.take(1) == 1 {
                template.references.push(bits.take(4) as u16 + 1);
            }
        }
        self.chains = bits.take_below(self.targets as u32 + 1);
        for _ in 0..self.targets {
            bits.take_below(self.chains);
        }
        for _ in 0..self.templates.len() as u32 * self.chains {
            bits.take(4);
        }
        assert_eq!(bits.take(1), 1, "there are sizes");
        for _ in 0..self.chains {
            bits.take(32);
        }
    }
}
