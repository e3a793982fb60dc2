//! The dependency descriptor, a header extension of the AV1 RTP specification, appendix A.
//!
//! It tells the layer of a frame without a look at the payload, which may be encrypted end to end.
//! Other codecs use it too.

use super::bits::{BitWriter, Bits};
use super::templates::TemplateStructure;

/// Length of the fields that every descriptor has.
const MANDATORY_LEN: usize = 3;
/// The same in bits, with the flags behind.
const FLAGS_END: usize = 8 * MANDATORY_LEN + 5;
/// How many bytes more a descriptor may have once it tells which decode targets are active: five
/// flags and 32 bits.
pub const GROWTH_MAX: usize = 5;
/// The longest descriptor: that of a header extension element.
pub const DESCRIPTOR_LEN_MAX: usize = 255;

/// What a descriptor says of its packet, up to the templates that it may bring: see
/// [`TemplateStructure`] for these, and for what the frame needs.
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
    /// It brings new templates: they hold for this frame and those after it.
    pub has_structure: bool,
    /// It tells which decode targets are active.
    pub has_active_targets: bool,
    /// The frame has decode target indications of its own.
    pub has_custom_indications: bool,
    /// The frame has references of its own.
    pub has_custom_references: bool,
}

/// What is changed in a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DependencyChange {
    /// The number of the frame.
    pub frame_number: u16,
    /// How many decode targets there are, and which of them are active: a bit each, the lowest for
    /// the first. None changes nothing.
    pub active: Option<(u8, u32)>,
}

impl DependencyDescriptor {
    /// Reads a descriptor; `None` when it is cut off.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (&[first, high, low], rest) = value.split_first_chunk()?;
        let flags = rest.first().copied().unwrap_or(0);
        let flag = |bit: u8| flags & bit != 0;
        Some(Self {
            is_frame_start: first & 0x80 != 0,
            is_frame_end: first & 0x40 != 0,
            template_id: first & 0x3F,
            frame_number: u16::from_be_bytes([high, low]),
            has_structure: flag(0x80),
            has_active_targets: flag(0x40),
            has_custom_indications: flag(0x20),
            has_custom_references: flag(0x10),
        })
    }

    /// Whether a key frame begins in this packet: it brings new templates, which only a frame that
    /// depends on no other may do.
    pub fn is_key_frame(&self) -> bool {
        self.is_frame_start && self.has_structure
    }

    pub(super) fn behind_flags<'a>(&self, value: &'a [u8]) -> Bits<'a> {
        let mut bits = Bits::new(value);
        bits.skip_to(FLAGS_END);
        bits
    }
}

impl DependencyChange {
    /// The descriptor `value` with this change, and its length; `None` when it would be longer than
    /// a descriptor can be.
    pub fn apply(&self, value: &[u8]) -> Option<([u8; DESCRIPTOR_LEN_MAX], usize)> {
        let descriptor = DependencyDescriptor::parse(value)?;
        let mut bytes = [0; DESCRIPTOR_LEN_MAX];
        let len = match self.active {
            Some(active) => self.with_targets(&descriptor, value, active, &mut bytes)?,
            None => {
                bytes.get_mut(..value.len())?.copy_from_slice(value);
                value.len()
            }
        };
        bytes[1..MANDATORY_LEN].copy_from_slice(&self.frame_number.to_be_bytes());
        Some((bytes, len))
    }

    /// The same for a place that has room for so many bytes: where active targets do not fit, the
    /// number alone is changed.
    pub fn apply_within(
        &self,
        value: &[u8],
        room: usize,
    ) -> Option<([u8; DESCRIPTOR_LEN_MAX], usize)> {
        let whole = self.apply(value).filter(|(_, len)| *len <= room);
        let number_alone = Self {
            active: None,
            ..*self
        };
        whole.or_else(|| number_alone.apply(value))
    }

    fn with_targets(
        &self,
        descriptor: &DependencyDescriptor,
        value: &[u8],
        (count, active): (u8, u32),
        bytes: &mut [u8],
    ) -> Option<usize> {
        let mut bits = Bits::new(value);
        let mut out = BitWriter::new(bytes);
        out.put(bits.take(8 * MANDATORY_LEN)?, 8 * MANDATORY_LEN)?;
        // Present structure, active targets, and the flags of what is the frame's own.
        let flags = if value.len() > MANDATORY_LEN {
            bits.take(5)?
        } else {
            0
        };
        out.put(flags | 0x08, 5)?;
        if descriptor.has_structure {
            let structure = TemplateStructure::read(value)?;
            out.copy(&mut bits, structure.end.into())?;
        }
        if descriptor.has_active_targets {
            bits.take(count.into())?;
        }
        out.put(active, count.into())?;
        out.copy(&mut bits, 8 * value.len())?;
        Some(out.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_descriptor_has_no_flags() {
        let descriptor = DependencyDescriptor::parse(&[0x45, 0x12, 0x34]).unwrap();
        let expected = DependencyDescriptor {
            is_frame_start: false,
            is_frame_end: true,
            template_id: 5,
            frame_number: 0x1234,
            has_structure: false,
            has_active_targets: false,
            has_custom_indications: false,
            has_custom_references: false,
        };
        assert_eq!(descriptor, expected);
        for len in 0..3 {
            let cut = DependencyDescriptor::parse(&[0x45, 0x12, 0x34][..len]);
            assert_eq!(cut, None);
        }
    }

    fn changed(value: &[u8], active: Option<(u8, u32)>) -> Option<Vec<u8>> {
        let change = DependencyChange {
            frame_number: 0x5678,
            active,
        };
        let (bytes, len) = change.apply(value)?;
        Some(bytes[..len].to_vec())
    }

    #[test]
    fn a_number_changes_in_its_place() {
        let value = [0x45, 0x12, 0x34, 0x30, 7];
        let expected = [0x45, 0x56, 0x78, 0x30, 7];
        assert_eq!(changed(&value, None).unwrap(), expected);
    }

    #[test]
    fn active_targets_are_told_in_front_of_what_is_the_frames_own() {
        // Of nine targets; a descriptor without flags, one with custom references (size 1, 0; end),
        // and one that tells its own targets in front of these.
        let active = Some((9, 0b1_0101_0011));
        let rows: [(&[u8], &[u8]); 3] = [
            (&[5, 0x12, 0x34], &[5, 0x56, 0x78, 0b0100_0101, 0b0100_1100]),
            (
                &[5, 0x12, 0x34, 0b0001_0010, 0b0000_0000],
                &[5, 0x56, 0x78, 0b0101_0101, 0b0100_1101, 0],
            ),
            (
                &[5, 0x12, 0x34, 0b0101_0111, 0b1111_1101, 0],
                &[5, 0x56, 0x78, 0b0101_0101, 0b0100_1101, 0],
            ),
        ];
        for (value, expected) in rows {
            let mut told = changed(value, active).unwrap();
            // Zeros at the end are padding.
            told.truncate(expected.len());
            assert_eq!(told, expected, "{value:02x?}");
        }
    }

    #[test]
    fn what_would_be_too_long_is_not_changed() {
        let mut longest = [0; DESCRIPTOR_LEN_MAX];
        assert!(changed(&longest, None).is_some());
        assert_eq!(changed(&longest, Some((32, 0))), None);
        // It brings templates, and ends amid them.
        longest[3] = 0x80;
        assert_eq!(changed(&longest[..4], Some((1, 0))), None);
        assert_eq!(changed(&[], None), None);
    }
}
