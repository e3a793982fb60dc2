//! The dependency descriptor, a header extension of the AV1 RTP specification, appendix A.
//!
//! It tells the layer of a frame without a look at the payload, which may be encrypted end to end.
//! Other codecs use it too.

use super::bits::Bits;

/// How many templates a structure has at most: their ids have six bits.
pub const TEMPLATES_MAX: usize = 64;

/// Length of the fields that every descriptor has.
const MANDATORY_LEN: usize = 3;

/// `next_layer_idc`, section A.8.2: how the next template differs in layer.
const NEXT_TEMPORAL: u32 = 1;
const NEXT_SPATIAL: u32 = 2;
const NO_MORE_TEMPLATES: u32 = 3;

/// Layers have two and three bits.
const SPATIAL_MAX: u8 = 3;
const TEMPORAL_MAX: u8 = 7;

/// What a descriptor says of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// The packet is the first of its frame.
    pub is_frame_start: bool,
    /// The packet is the last of its frame.
    pub is_frame_end: bool,
    /// Which template the frame follows.
    pub template_id: u8,
    /// Counts frames, wrapping.
    pub frame_number: u16,
    /// New templates: they hold for this frame and those after it.
    pub structure: Option<TemplateStructure>,
}

/// The layers of the templates, to be kept by whoever reads a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateStructure {
    /// The id of the first template.
    offset: u8,
    len: u8,
    layers: [Layers; TEMPLATES_MAX],
    /// How many subsets of layers a receiver may choose from: 1 to 32.
    pub decode_target_count: u8,
}

/// Which layer a frame is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// 0 to 3; 0 is the smallest picture.
    pub spatial: u8,
    /// 0 to 7; 0 is the lowest rate.
    pub temporal: u8,
}

impl DependencyDescriptor {
    /// Reads a descriptor up to the layers of its templates; `None` when it is cut off before, or
    /// its templates are more than there can be.
    ///
    /// What follows (dependencies between frames, chains, resolutions) is left unread.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(value);
        let is_frame_start = bits.flag()?;
        let is_frame_end = bits.flag()?;
        let template_id = bits.take(6)? as u8;
        let frame_number = bits.take(16)? as u16;
        let structure = match value.len() > MANDATORY_LEN && bits.flag()? {
            true => {
                // Flags: active decode targets, custom DTIs, custom FDIFFs, custom chains.
                bits.take(4)?;
                Some(TemplateStructure::take(&mut bits)?)
            }
            false => None,
        };
        Some(Self {
            is_frame_start,
            is_frame_end,
            template_id,
            frame_number,
            structure,
        })
    }

    /// Whether a key frame begins in this packet: it brings new templates, which only a frame that
    /// depends on no other may do.
    pub fn is_key_frame(&self) -> bool {
        self.is_frame_start && self.structure.is_some()
    }

    /// The layers of the frame.
    ///
    /// By its own templates if it has some, else by those `kept` from the last descriptor that
    /// had; `None` when neither knows its template.
    pub fn layers(&self, kept: Option<&TemplateStructure>) -> Option<Layers> {
        self.structure.as_ref().or(kept)?.layers(self.template_id)
    }
}

impl TemplateStructure {
    fn take(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = bits.take(6)? as u8;
        let decode_target_count = bits.take(5)? as u8 + 1;
        let mut structure = Self {
            offset,
            len: 0,
            layers: [Layers::default(); TEMPLATES_MAX],
            decode_target_count,
        };
        let mut layers = Layers::default();
        loop {
            *structure.layers.get_mut(usize::from(structure.len))? = layers;
            structure.len += 1;
            match bits.take(2)? {
                NO_MORE_TEMPLATES => return Some(structure),
                next => layers = layers.next(next)?,
            }
        }
    }

    /// The layers of the template with `id`.
    pub fn layers(&self, id: u8) -> Option<Layers> {
        // Ids wrap at 64, so the offset may be anywhere.
        let index = usize::from(id.wrapping_sub(self.offset)) % TEMPLATES_MAX;
        self.templates().get(index).copied()
    }

    /// The highest spatial and the highest temporal layer of any template.
    pub fn highest(&self) -> Layers {
        let highest = |highest: Layers, layers: &Layers| Layers {
            spatial: highest.spatial.max(layers.spatial),
            temporal: highest.temporal.max(layers.temporal),
        };
        self.templates().iter().fold(Layers::default(), highest)
    }

    fn templates(&self) -> &[Layers] {
        &self.layers[..usize::from(self.len)]
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

    /// Start, end, template id, frame number; structure present and four clear flags; offset and
    /// decode targets; then the steps from template to template.
    fn with_structure(template_id: u32, offset: u32, steps: &[u32]) -> Vec<u8> {
        let mut fields = vec![(1, 1), (0, 1), (template_id, 6), (0x1234, 16)];
        fields.extend([(1, 1), (0, 4), (offset, 6), (3, 5)]);
        fields.extend(steps.iter().map(|&step| (step, 2)));
        pack(&fields)
    }

    #[test]
    fn a_short_descriptor_has_no_templates() {
        let descriptor = DependencyDescriptor::parse(&[0x45, 0x12, 0x34]).unwrap();
        let expected = DependencyDescriptor {
            is_frame_start: false,
            is_frame_end: true,
            template_id: 5,
            frame_number: 0x1234,
            structure: None,
        };
        assert_eq!(descriptor, expected);
        assert_eq!(descriptor.layers(None), None);
        for len in 0..3 {
            assert_eq!(
                DependencyDescriptor::parse(&[0x45, 0x12, 0x34][..len]),
                None
            );
        }
    }

    #[test]
    fn templates_are_kept_for_later_frames() {
        // S0T0, S0T1, S1T0, S1T0 again, S1T1.
        let bytes = with_structure(62, 62, &[1, 2, 0, 1, 3]);
        let first = DependencyDescriptor::parse(&bytes).unwrap();
        assert!(first.is_key_frame());
        let kept = first.structure.unwrap();
        assert_eq!(kept.decode_target_count, 4);
        let layers = |id| {
            kept.layers(id)
                .map(|layers| (layers.spatial, layers.temporal))
        };
        let all = [62, 63, 0, 1, 2, 3].map(layers);
        let expected = [(0, 0), (0, 1), (1, 0), (1, 0), (1, 1)].map(Some);
        assert_eq!((&all[..5], all[5]), (&expected[..], None));
        assert_eq!(
            kept.highest(),
            Layers {
                spatial: 1,
                temporal: 1
            }
        );

        let later = DependencyDescriptor::parse(&[0x80 | 2, 0x12, 0x35]).unwrap();
        assert!(!later.is_key_frame());
        assert_eq!(later.layers(Some(&kept)), kept.layers(2));
        assert_eq!(first.layers(None), kept.layers(62));
    }

    #[test]
    fn impossible_templates_are_refused() {
        let parse = |steps: &[u32]| DependencyDescriptor::parse(&with_structure(0, 0, steps));
        let repeated = |step, times| [vec![step; times], vec![3]].concat();
        assert!(parse(&repeated(0, 63)).is_some());
        assert_eq!(parse(&repeated(0, 64)), None);
        assert!(parse(&repeated(1, 7)).is_some());
        assert_eq!(parse(&repeated(1, 8)), None);
        assert!(parse(&repeated(2, 3)).is_some());
        assert_eq!(parse(&repeated(2, 4)), None);
    }

    #[test]
    fn a_cut_structure_is_refused() {
        let bytes = with_structure(0, 0, &[1, 1, 1, 2, 1, 1, 3]);
        for len in 4..bytes.len() {
            assert_eq!(
                DependencyDescriptor::parse(&bytes[..len]),
                None,
                "{len} bytes"
            );
        }
        assert!(DependencyDescriptor::parse(&bytes).is_some());
    }
}
