//! The templates that dependency descriptors refer to: AV1 RTP specification, section A.8.3 on.

use super::av1::DependencyDescriptor;
use super::bits::Bits;
use super::decode_targets::DecodeTargets;

/// How many templates a structure has at most: their ids have six bits.
pub const TEMPLATES_MAX: usize = 64;
/// The most references of a frame that are told apart: AV1 frames have no more (section 5.9.2 of
/// its own specification has seven).
pub const REFERENCES_MAX: usize = 8;

/// `next_layer_idc`, section A.8.3: how the next template differs in layer.
const NEXT_TEMPORAL: u32 = 1;
const NEXT_SPATIAL: u32 = 2;
const NO_MORE_TEMPLATES: u32 = 3;

/// Layers have two and three bits.
const SPATIAL_MAX: u8 = 3;
const TEMPORAL_MAX: u8 = 7;

/// Which layer a frame is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// 0 to 3; 0 is the smallest picture.
    pub spatial: u8,
    /// 0 to 7; 0 is the lowest rate.
    pub temporal: u8,
}

crate::state! { struct Layers { spatial, temporal } }

/// Templates, to be kept by whoever reads a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateStructure {
    /// The id of the first template.
    offset: u8,
    len: u8,
    templates: [Template; TEMPLATES_MAX],
    /// How many chains of frames protect decode targets.
    chain_count: u8,
    /// What receivers may choose from.
    pub targets: DecodeTargets,
    /// What follows the layers was read too.
    is_complete: bool,
    /// Where it ends, in bits from the start of its descriptor.
    pub(super) end: u16,
}

crate::state! {
    struct TemplateStructure {
        offset, len, templates, chain_count, targets, is_complete, end
    }
}

/// What frames that follow a template are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Template {
    layers: Layers,
    frame: FrameDependencies,
}

crate::state! { struct Template { layers, frame } }

/// What a frame needs, and who needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameDependencies {
    /// Decode targets that it is part of: a bit each, the lowest for the first.
    pub targets: u32,
    /// How many frames before it are those that it refers to. Zeros fill up; what is more than 255
    /// before, or one too many, is left out.
    pub references: [u8; REFERENCES_MAX],
}

crate::state! { struct FrameDependencies { targets, references } }

impl TemplateStructure {
    /// Reads the structure of a whole descriptor that has one; `None` when it has none or is cut off
    /// before the end of its layers, or its templates are more than there can be.
    ///
    /// One that is cut off behind the layers tells nothing but these.
    pub fn read(value: &[u8]) -> Option<Self> {
        let descriptor = DependencyDescriptor::parse(value)?;
        let mut bits = descriptor.behind_flags(value);
        let mut structure = Self::layers_of(&mut bits).filter(|_| descriptor.has_structure)?;
        structure.is_complete = structure.read_dependencies(&mut bits).is_some();
        structure.end = bits.position() as u16;
        let templates = &structure.templates[..usize::from(structure.len)];
        let parts = templates.iter().map(|it| (it.frame.targets, it.layers));
        structure.targets.note(parts);
        Some(structure)
    }

    fn layers_of(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = bits.take(6)? as u8;
        let count = bits.take(5)? as u8 + 1;
        let mut structure = Self {
            offset,
            len: 0,
            templates: [Template::default(); TEMPLATES_MAX],
            chain_count: 0,
            targets: DecodeTargets::new(count),
            is_complete: false,
            end: 0,
        };
        let mut layers = Layers::default();
        loop {
            structure
                .templates
                .get_mut(usize::from(structure.len))?
                .layers = layers;
            structure.len += 1;
            match bits.take(2)? {
                NO_MORE_TEMPLATES => return Some(structure),
                next => layers = layers.next(next)?,
            }
        }
    }

    fn read_dependencies(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let (len, count) = (usize::from(self.len), self.targets.count);
        let templates = &mut self.templates[..len];
        for template in &mut *templates {
            template.frame.targets = indications(bits, count)?;
        }
        for template in &mut *templates {
            let mut references = References::default();
            while bits.flag()? {
                references.add(bits.take(4)? + 1);
            }
            template.frame.references = references.found;
        }
        self.chain_count = bits.take_below(u32::from(count) + 1)? as u8;
        if self.chain_count > 0 {
            // Which chain protects each target, and how far before a template's frame each is: what
            // a frame refers to tells more.
            for _ in 0..count {
                bits.take_below(self.chain_count.into())?;
            }
            for _ in 0..len * usize::from(self.chain_count) {
                bits.take(4)?;
            }
        }
        if bits.flag()? {
            let highest = templates.last().map_or(0, |last| last.layers.spatial);
            for _ in 0..=highest {
                bits.take(32)?;
            }
        }
        Some(())
    }

    /// The layers of the template with `id`.
    pub fn layers(&self, id: u8) -> Option<Layers> {
        self.template(id).map(|template| template.layers)
    }

    /// The highest spatial and the highest temporal layer of any template.
    pub fn highest(&self) -> Layers {
        let highest = |highest: Layers, template: &Template| Layers {
            spatial: highest.spatial.max(template.layers.spatial),
            temporal: highest.temporal.max(template.layers.temporal),
        };
        let templates = self.templates[..usize::from(self.len)].iter();
        templates.fold(Layers::default(), highest)
    }

    /// It has several spatial layers, of which none is for who gets a higher one (S modes).
    pub fn stands_alone(&self) -> bool {
        let is_needed = |it: &Template| {
            self.targets
                .is_needed_above(it.layers.spatial, it.frame.targets)
        };
        let templates = &self.templates[..usize::from(self.len)];
        self.highest().spatial > 0 && !templates.iter().any(is_needed)
    }

    /// What a frame needs, and who needs it, by its `descriptor`, which was read from `value`: that
    /// of its template, or its own. `None` when that is not told, or cut off.
    pub fn frame(
        &self,
        descriptor: &DependencyDescriptor,
        value: &[u8],
    ) -> Option<FrameDependencies> {
        let template = self.template(descriptor.template_id)?;
        if !self.is_complete {
            return None;
        }
        let mut frame = template.frame;
        if !(descriptor.has_custom_indications || descriptor.has_custom_references) {
            return Some(frame);
        }
        let mut bits = descriptor.behind_flags(value);
        if descriptor.has_structure {
            bits.skip_to(self.end.into());
        }
        if descriptor.has_active_targets {
            bits.take(self.targets.count.into())?;
        }
        if descriptor.has_custom_indications {
            frame.targets = indications(&mut bits, self.targets.count)?;
        }
        if descriptor.has_custom_references {
            frame.references = custom_references(&mut bits)?;
        }
        Some(frame)
    }

    /// The decode targets that a descriptor of a stream with this structure says are active.
    pub fn active(&self, descriptor: &DependencyDescriptor, value: &[u8]) -> Option<u32> {
        let mut bits = descriptor.behind_flags(value);
        if descriptor.has_structure {
            bits.skip_to(self.end.into());
        }
        let is_told = descriptor.has_active_targets && self.is_complete;
        is_told.then(|| bits.take(self.targets.count.into()))?
    }

    /// Receivers can be told which targets are active.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn template(&self, id: u8) -> Option<&Template> {
        // Ids wrap at 64, so the offset may be anywhere.
        let index = usize::from(id.wrapping_sub(self.offset)) % TEMPLATES_MAX;
        self.templates[..usize::from(self.len)].get(index)
    }
}

/// Decode target indications: which targets a frame is part of. How, is left unread: what a frame
/// refers to tells where one may switch.
fn indications(bits: &mut Bits<'_>, count: u8) -> Option<u32> {
    (0..count).try_fold(0, |targets, target| {
        Some(targets | u32::from(bits.take(2)? != 0) << target)
    })
}

fn custom_references(bits: &mut Bits<'_>) -> Option<[u8; REFERENCES_MAX]> {
    let mut references = References::default();
    loop {
        match bits.take(2)? {
            0 => return Some(references.found),
            size => references.add(bits.take(4 * size as usize)? + 1),
        }
    }
}

#[derive(Default)]
struct References {
    found: [u8; REFERENCES_MAX],
    count: usize,
}

impl References {
    fn add(&mut self, back: u32) {
        if let (Ok(back), Some(place)) = (u8::try_from(back), self.found.get_mut(self.count)) {
            *place = back;
            self.count += 1;
        }
    }
}

impl Layers {
    /// The layers of the next template.
    fn next(self, next: u32) -> Option<Self> {
        let next = match next {
            NEXT_TEMPORAL => Self {
                temporal: self.temporal + 1,
                ..self
            },
            NEXT_SPATIAL => Self {
                spatial: self.spatial + 1,
                temporal: 0,
            },
            _ => self,
        };
        let is_legal = next.spatial <= SPATIAL_MAX && next.temporal <= TEMPORAL_MAX;
        is_legal.then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs fields of (value, width) into bytes.
    fn pack(fields: &[(u32, usize)]) -> Vec<u8> {
        let bits: Vec<bool> = fields
            .iter()
            .flat_map(|&(value, width)| (0..width).rev().map(move |bit| value >> bit & 1 != 0))
            .collect();
        let byte = |bits: &[bool]| {
            (0..8)
                .map(|i| u8::from(bits.get(i) == Some(&true)) << (7 - i))
                .sum()
        };
        bits.chunks(8).map(byte).collect()
    }

    /// Start, template id, frame number; structure present and four clear flags; offset and decode
    /// targets; then the steps from template to template.
    fn front(template_id: u32, offset: u32, targets: u32, steps: &[u32]) -> Vec<(u32, usize)> {
        let mut fields = vec![(1, 1), (0, 1), (template_id, 6), (0x1234, 16)];
        fields.extend([(1, 1), (0, 4), (offset, 6), (targets - 1, 5)]);
        fields.extend(steps.iter().map(|&step| (step, 2)));
        fields
    }

    fn with_layers(template_id: u32, offset: u32, steps: &[u32]) -> Vec<u8> {
        pack(&front(template_id, offset, 4, steps))
    }

    #[test]
    fn layers_are_told_by_the_steps_between_templates() {
        // S0T0, S0T1, S1T0, S1T0 again, S1T1.
        let bytes = with_layers(62, 62, &[1, 2, 0, 1, 3]);
        let kept = TemplateStructure::read(&bytes).unwrap();
        assert_eq!((kept.targets.count, kept.is_complete()), (4, false));
        let layers = |id| {
            kept.layers(id)
                .map(|layers| (layers.spatial, layers.temporal))
        };
        let all = [62, 63, 0, 1, 2, 3].map(layers);
        let expected = [(0, 0), (0, 1), (1, 0), (1, 0), (1, 1)].map(Some);
        assert_eq!((&all[..5], all[5]), (&expected[..], None));
        let highest = kept.highest();
        assert_eq!((highest.spatial, highest.temporal), (1, 1));
    }

    #[test]
    fn impossible_templates_are_refused() {
        let read = |steps: &[u32]| TemplateStructure::read(&with_layers(0, 0, steps));
        let repeated = |step, times| [vec![step; times], vec![3]].concat();
        assert!(read(&repeated(0, 63)).is_some());
        assert_eq!(read(&repeated(0, 64)), None);
        assert!(read(&repeated(1, 7)).is_some());
        assert_eq!(read(&repeated(1, 8)), None);
        assert!(read(&repeated(2, 3)).is_some());
        assert_eq!(read(&repeated(2, 4)), None);
        assert_eq!(TemplateStructure::read(&[0x80, 0, 1]), None, "it has none");
    }

    #[test]
    fn a_structure_that_is_cut_off_is_refused() {
        let bytes = with_layers(0, 0, &[1, 1, 1, 2, 1, 1, 3]);
        for len in 4..bytes.len() {
            assert_eq!(TemplateStructure::read(&bytes[..len]), None, "{len} bytes");
        }
        assert!(TemplateStructure::read(&bytes).is_some());
    }

    /// L2T2 with four targets, two chains and sizes. Templates: S0T0, S0T1, S1T0, S1T1.
    fn l2t2() -> Vec<(u32, usize)> {
        let mut fields = front(0, 0, 4, &[1, 2, 1, 3]);
        // Which targets each is part of: S0T0 of all, S0T1 of 1 and 3, S1T0 of 2 and 3, S1T1 of 3.
        for parts in [[2, 2, 2, 2], [0, 1, 0, 3], [0, 0, 2, 2], [0, 0, 0, 1]] {
            fields.extend(parts.map(|part| (part, 2)));
        }
        // References: S0T0 none, S0T1 two before, S1T0 one before, S1T1 one and two before.
        for references in [&[][..], &[2], &[1], &[1, 2]] {
            for back in references {
                fields.extend([(1, 1), (back - 1, 4)]);
            }
            fields.push((0, 1));
        }
        // Two chains, below five: in two bits. Which protects each target, below two; and how far
        // before each template's frame they are.
        fields.push((2, 2));
        fields.extend([(0, 1), (0, 1), (1, 1), (1, 1)]);
        fields.extend([(4, 4); 8]);
        // Sizes of both spatial layers.
        fields.push((1, 1));
        fields.extend([(639, 16), (359, 16), (1_279, 16), (719, 16)]);
        fields
    }

    #[test]
    fn templates_tell_what_frames_need_and_who_needs_them() {
        let bytes = pack(&l2t2());
        let kept = TemplateStructure::read(&bytes).unwrap();
        assert!(kept.is_complete());
        assert_eq!(usize::from(kept.end).div_ceil(8), bytes.len());
        let frame = |value: &[u8]| {
            let descriptor = DependencyDescriptor::parse(value).unwrap();
            let frame = kept.frame(&descriptor, value)?;
            Some((frame.targets, frame.references[..3].to_vec()))
        };
        assert_eq!(frame(&[0, 0, 1]), Some((0b1111, vec![0, 0, 0])));
        assert_eq!(frame(&[1, 0, 1]), Some((0b1010, vec![2, 0, 0])));
        assert_eq!(frame(&[2, 0, 1]), Some((0b1100, vec![1, 0, 0])));
        assert_eq!(frame(&[3, 0, 1]), Some((0b1000, vec![1, 2, 0])));
        assert_eq!(frame(&[4, 0, 1]), None, "no such template");
        // Its own targets 0 and 3, and references of 4 and of 8 bits: 3 and 200 before.
        let own = pack(&[
            (3, 8),
            (1, 16),
            (0b00110, 5),
            (2, 2),
            (0, 4),
            (1, 2),
            (1, 2),
            (2, 4),
            (2, 2),
            (199, 8),
            (0, 2),
        ]);
        assert_eq!(frame(&own), Some((0b1001, vec![3, 200, 0])));
        assert_eq!(frame(&own[..6]), None, "cut off");
    }

    #[test]
    fn targets_have_the_layers_of_their_frames() {
        let targets = TemplateStructure::read(&pack(&l2t2())).unwrap().targets;
        let up_to = |spatial, temporal| targets.up_to(spatial, temporal);
        assert_eq!([up_to(0, 0), up_to(0, 7)], [0b0001, 0b0011]);
        assert_eq!([up_to(1, 0), up_to(u8::MAX, 7)], [0b0101, 0b1111]);
        assert_eq!(targets.served(0b1111), u8::MAX);
        assert_eq!(targets.served(0b0010), 0b0000_0001);
        assert_eq!(targets.served(0b1000), 0b1111_1110);
    }

    #[test]
    fn layers_stand_alone_that_no_higher_target_needs() {
        // Two spatial layers of one template each: targets 0 and 1, no references, chains or sizes.
        let stands_alone = |steps: &[u32], parts: &[[u32; 2]]| {
            let mut fields = front(0, 0, 2, steps);
            fields.extend(parts.iter().flatten().map(|&part| (part, 2)));
            fields.extend(parts.iter().map(|_| (0, 1)));
            fields.extend([(0, 2), (0, 1)]);
            let kept = TemplateStructure::read(&pack(&fields)).unwrap();
            assert!(kept.is_complete());
            kept.stands_alone()
        };
        assert!(stands_alone(&[2, 3], &[[2, 0], [0, 2]]));
        assert!(!stands_alone(&[2, 3], &[[2, 2], [0, 2]]));
        assert!(!stands_alone(&[1, 3], &[[2, 0], [0, 2]]), "temporal ones");
        let kept = TemplateStructure::read(&pack(&l2t2())).unwrap();
        assert!(!kept.stands_alone());
        let layers = [0, 0b0010, 0b0100, 0b1001].map(|it| kept.targets.spatial_of(it));
        assert_eq!(layers, [0, 0b01, 0b10, 0b11]);
    }

    #[test]
    fn a_structure_that_is_cut_off_behind_its_layers_tells_nothing_but_these() {
        let bytes = pack(&l2t2());
        for len in 6..bytes.len() {
            let kept = TemplateStructure::read(&bytes[..len]).unwrap();
            assert!(!kept.is_complete(), "{len} bytes");
        }
    }
}
