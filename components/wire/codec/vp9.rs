//! The VP9 payload descriptor, RFC 9628 section 4.2.

use super::picture_id::{PictureId, take};

const PICTURE_ID_BIT: u8 = 0x80;
const INTER_PICTURE_BIT: u8 = 0x40;
const LAYERS_BIT: u8 = 0x20;
const FLEXIBLE_BIT: u8 = 0x10;
const START_BIT: u8 = 0x08;
const END_BIT: u8 = 0x04;
const STRUCTURE_BIT: u8 = 0x02;
const NO_REFERENCE_BIT: u8 = 0x01;
/// N: another reference index follows.
const MORE_BIT: u8 = 0x01;
/// A picture refers to at most three earlier ones.
pub const REFERENCES_MAX: usize = 3;
/// The longest part of the descriptor that counts pictures: flags, a picture id of 15 bits, layers
/// and TL0PICIDX.
pub const COUNTERS_LEN_MAX: usize = 5;
const SWITCHING_BIT: u8 = 0x10;
const INTER_LAYER_BIT: u8 = 0x01;

/// What is in front of the VP9 bytes of a packet, up to the scalability structure: see
/// [`PictureGroup`](super::PictureGroup) for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// P: the picture refers to earlier ones.
    pub is_inter_picture: bool,
    /// F: references are listed in each packet instead of a structure known beforehand.
    pub is_flexible: bool,
    /// B: a layer frame begins in this packet.
    pub is_frame_start: bool,
    /// E: a layer frame ends in this packet.
    pub is_frame_end: bool,
    /// V: a scalability structure follows.
    pub has_structure: bool,
    /// PictureID, the same for all layers of a picture.
    pub picture_id: Option<PictureId>,
    /// Z: no frame of a higher spatial layer refers to this one, in this picture or later.
    pub is_no_reference_above: bool,
    /// The layer of the frame.
    pub layers: Option<Layers>,
    /// P_DIFF, in flexible mode: how many pictures before are those that it refers to. Zeros fill up.
    pub references: [u8; REFERENCES_MAX],
    /// Where the scalability structure begins, in bytes from the start of the payload.
    pub structure_start: u8,
    /// A key frame begins in this packet: P is clear, B is set, spatial layer 0.
    pub is_key_frame: bool,
}

/// Which layer a frame is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// TID: 0 to 7.
    pub temporal: u8,
    /// U: a receiver may switch up to this temporal layer here.
    pub is_switching_point: bool,
    /// SID: 0 to 7.
    pub spatial: u8,
    /// D: it needs the lower spatial layer of the same picture.
    pub is_inter_layer: bool,
    /// TL0PICIDX, without the flexible mode only.
    pub tl0_picture_index: Option<u8>,
}

impl Descriptor {
    /// Reads the descriptor at the start of `payload`; `None` when it is cut off.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (&flags, mut rest) = payload.split_first()?;
        let is_flexible = flags & FLEXIBLE_BIT != 0;
        let picture_id = match flags & PICTURE_ID_BIT {
            0 => None,
            _ => Some(PictureId::take(&mut rest)?),
        };
        let layers = match flags & LAYERS_BIT {
            0 => None,
            _ => Some(Layers::take(&mut rest, is_flexible)?),
        };
        let is_inter_picture = flags & INTER_PICTURE_BIT != 0;
        let references = match is_flexible && is_inter_picture {
            true => references(&mut rest)?,
            false => [0; REFERENCES_MAX],
        };
        let is_frame_start = flags & START_BIT != 0;
        let spatial = layers.map_or(0, |layers| layers.spatial);
        Some(Self {
            is_inter_picture,
            is_flexible,
            is_frame_start,
            is_frame_end: flags & END_BIT != 0,
            has_structure: flags & STRUCTURE_BIT != 0,
            picture_id,
            is_no_reference_above: flags & NO_REFERENCE_BIT != 0,
            layers,
            references,
            structure_start: (payload.len() - rest.len()) as u8,
            is_key_frame: !is_inter_picture && is_frame_start && spatial == 0,
        })
    }
}

impl Descriptor {
    /// The front of the descriptor with other counters, and how many bytes it has; as many as that
    /// of the descriptor at the start of `payload`, which this one was read from.
    pub fn recount(
        &self,
        payload: &[u8],
        picture_id: u16,
        tl0_picture_index: u8,
    ) -> ([u8; COUNTERS_LEN_MAX], usize) {
        let id = self.picture_id.map(|id| PictureId {
            value: picture_id,
            ..id
        });
        let (id, id_len) = id.map_or(([0; 2], 0), PictureId::to_bytes);
        let layers = usize::from(self.layers.is_some());
        let tl0 = self.layers.and_then(|layers| layers.tl0_picture_index);
        let len = 1 + id_len + layers + usize::from(tl0.is_some());
        let mut bytes = [0; COUNTERS_LEN_MAX];
        bytes[..len].copy_from_slice(&payload[..len]);
        bytes[1..1 + id_len].copy_from_slice(&id[..id_len]);
        if tl0.is_some() {
            bytes[len - 1] = tl0_picture_index;
        }
        (bytes, len)
    }
}

fn references(rest: &mut &[u8]) -> Option<[u8; REFERENCES_MAX]> {
    let mut references = [0; REFERENCES_MAX];
    for place in &mut references {
        let byte = take(rest)?;
        *place = byte >> 1;
        if byte & MORE_BIT == 0 {
            return Some(references);
        }
    }
    None
}

impl Layers {
    fn take(rest: &mut &[u8], is_flexible: bool) -> Option<Self> {
        let byte = take(rest)?;
        Some(Self {
            temporal: byte >> 5,
            is_switching_point: byte & SWITCHING_BIT != 0,
            spatial: byte >> 1 & 0x07,
            is_inter_layer: byte & INTER_LAYER_BIT != 0,
            tl0_picture_index: match is_flexible {
                true => None,
                false => Some(take(rest)?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_non_flexible_key_frame_is_read() {
        // I L B E, picture id 0x1234, TID 1 U SID 0, TL0PICIDX 77.
        let payload = [0xAC, 0x92, 0x34, 0x30, 77, 0x82];
        let descriptor = Descriptor::parse(&payload).unwrap();
        let expected = Descriptor {
            is_inter_picture: false,
            is_flexible: false,
            is_frame_start: true,
            is_frame_end: true,
            has_structure: false,
            picture_id: Some(PictureId {
                value: 0x1234,
                is_long: true,
            }),
            is_no_reference_above: false,
            references: [0; 3],
            structure_start: 5,
            layers: Some(Layers {
                temporal: 1,
                is_switching_point: true,
                spatial: 0,
                is_inter_layer: false,
                tl0_picture_index: Some(77),
            }),
            is_key_frame: true,
        };
        assert_eq!(descriptor, expected);
        for len in 0..5 {
            assert_eq!(Descriptor::parse(&payload[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn flexible_mode_has_no_tl0_index() {
        // I L F V, picture id 5, TID 7 SID 3 D.
        let descriptor = Descriptor::parse(&[0xB2, 5, 0xE7]).unwrap();
        let layers = descriptor.layers.unwrap();
        assert!(descriptor.is_flexible && descriptor.has_structure && layers.is_inter_layer);
        assert_eq!(
            (layers.temporal, layers.spatial, layers.tl0_picture_index),
            (7, 3, None)
        );
        assert_eq!(
            descriptor.picture_id,
            Some(PictureId {
                value: 5,
                is_long: false
            })
        );
    }

    #[test]
    fn flexible_mode_lists_references() {
        // I P L F, picture id 5, TID 1 SID 0; 3 and more, 1.
        let descriptor = Descriptor::parse(&[0xF0, 5, 0x20, 0x07, 0x02]).unwrap();
        assert_eq!(
            (descriptor.references, descriptor.structure_start),
            ([3, 1, 0], 5)
        );
        assert_eq!(Descriptor::parse(&[0xF0, 5, 0x20, 0x07]), None, "cut off");
        let four = [0xF0, 5, 0x20, 0x03, 0x03, 0x03, 0x02];
        assert_eq!(Descriptor::parse(&four), None, "more than three");
    }

    #[test]
    fn counters_change_and_nothing_else() {
        // Rows: descriptor and payload; what its front becomes with 0x2345 and 9.
        let rows: [(&[u8], &[u8]); 4] = [
            (
                &[0xAC, 0x92, 0x34, 0x30, 77, 0x82],
                &[0xAC, 0xA3, 0x45, 0x30, 9],
            ),
            (&[0xAC, 0x34, 0x30, 77, 0x82], &[0xAC, 0x45, 0x30, 9]),
            (&[0xF0, 5, 0x20, 0x02, 0x82], &[0xF0, 0x45, 0x20]),
            (&[0x0C, 0x82], &[0x0C]),
        ];
        for (payload, expected) in rows {
            let descriptor = Descriptor::parse(payload).unwrap();
            let (bytes, len) = descriptor.recount(payload, 0x2345, 9);
            assert_eq!(bytes[..len], *expected, "{payload:02x?}");
        }
    }

    #[test]
    fn a_key_frame_begins_a_frame_of_the_lowest_spatial_layer() {
        let is_key_frame = |payload| Descriptor::parse(payload).unwrap().is_key_frame;
        assert!(is_key_frame(&[0x08]));
        assert!(!is_key_frame(&[0x48]));
        assert!(!is_key_frame(&[0x00]));
        assert!(is_key_frame(&[0x28, 0x00, 1]));
        assert!(!is_key_frame(&[0x28, 0x02, 1]));
    }
}
