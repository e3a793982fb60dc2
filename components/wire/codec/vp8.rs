//! The VP8 payload descriptor, RFC 7741 section 4.2.

use super::picture_id::{PictureId, take};

/// The longest descriptor: two flag bytes, a 15-bit picture id, TL0PICIDX and TID/KEYIDX.
pub const DESCRIPTOR_LEN_MAX: usize = 6;

/// The first byte and, when it has the extension bit, the one that tells the fields behind.
const FLAGS_LEN: usize = 2;

const EXTENSION_BIT: u8 = 0x80;
const NON_REFERENCE_BIT: u8 = 0x20;
const START_BIT: u8 = 0x10;
const PARTITION_MASK: u8 = 0x07;
const PICTURE_ID_BIT: u8 = 0x80;
const TL0_BIT: u8 = 0x40;
const TID_BIT: u8 = 0x20;
const KEY_INDEX_BIT: u8 = 0x10;
const SYNC_BIT: u8 = 0x20;
const KEY_INDEX_MASK: u8 = 0x1F;
/// Of the first byte, what says something besides whether fields follow.
const FIRST_MASK: u8 = NON_REFERENCE_BIT | START_BIT | PARTITION_MASK;
const FIELDS_MASK: u8 = PICTURE_ID_BIT | TL0_BIT | TID_BIT | KEY_INDEX_BIT;
/// In the first byte of the frame, RFC 7741 section 4.3: set in what is not a key frame.
const INTER_FRAME_BIT: u8 = 0x01;

/// What is in front of the VP8 bytes of a packet.
///
/// Offsets are bytes from the start of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// N: no other frame refers to this one.
    pub is_non_reference: bool,
    /// S: a partition begins in this packet.
    pub is_partition_start: bool,
    /// PID: 0 to 7.
    pub partition_index: u8,
    /// PictureID, in rising order of frames.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts frames of the lowest temporal layer, wrapping at 256.
    pub tl0_picture_index: Option<u8>,
    /// TID with its Y flag.
    pub temporal: Option<Temporal>,
    /// KEYIDX: 0 to 31, which key frame it depends on.
    pub key_index: Option<u8>,
    /// Length of the descriptor: where the VP8 bytes begin.
    pub len: u8,
    /// A key frame begins in this packet.
    pub is_key_frame: bool,
}

/// What descriptors count with, in another run of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recount {
    /// The picture id, of which 15 bits count.
    pub picture_id: u16,
    /// What is added to TL0PICIDX.
    pub tl0_index: u8,
    /// What is added to KEYIDX.
    pub key_index: u8,
}

/// A descriptor of another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recounted {
    /// Its bytes, at most [`DESCRIPTOR_LEN_MAX`], and zeros.
    pub bytes: [u8; 8],
    /// How many bytes it has.
    pub len: u8,
    /// How many it had.
    pub replaced: u8,
    /// It has a picture id.
    pub has_picture_id: bool,
}

/// The descriptor at the start of `payload` as it is in another run of pictures, its picture id, if it
/// has one, in 15 bits: what reading it, changing it and [`Descriptor::to_bytes`] would give, for who does
/// that for each receiver. `None` when it is cut off.
#[inline]
pub fn recount(payload: &[u8], run: Recount) -> Option<Recounted> {
    let (&first, mut rest) = payload.split_first()?;
    let fields = match first & EXTENSION_BIT {
        0 => 0,
        _ => take(&mut rest)? & FIELDS_MASK,
    };
    let mut front = Front::default();
    if fields == 0 {
        front.push(first & FIRST_MASK);
    } else {
        front.push(first & FIRST_MASK | EXTENSION_BIT);
        front.push(fields);
    }
    let has_picture_id = fields & PICTURE_ID_BIT != 0;
    if has_picture_id {
        PictureId::take(&mut rest)?;
        let (value, is_long) = (run.picture_id, true);
        let ([high, low], _) = PictureId { value, is_long }.to_bytes();
        front.push(high);
        front.push(low);
    }
    if fields & TL0_BIT != 0 {
        front.push(take(&mut rest)?.wrapping_add(run.tl0_index));
    }
    if fields & (TID_BIT | KEY_INDEX_BIT) != 0 {
        front.push(recount_layers(fields, take(&mut rest)?, run.key_index));
    }
    Some(Recounted {
        bytes: front.bytes.to_le_bytes(),
        len: front.len,
        replaced: (payload.len() - rest.len()) as u8,
        has_picture_id,
    })
}

/// The byte of TID, Y and KEYIDX with those of them that there are.
fn recount_layers(fields: u8, layers: u8, key_index: u8) -> u8 {
    let temporal = match fields & TID_BIT {
        0 => 0,
        _ => layers & !KEY_INDEX_MASK,
    };
    let key_index = match fields & KEY_INDEX_BIT {
        0 => 0,
        _ => layers.wrapping_add(key_index) & KEY_INDEX_MASK,
    };
    temporal | key_index
}

/// A few bytes in one register: a processor waits when it reads as a whole what it has just written to
/// memory byte by byte.
#[derive(Default)]
struct Front {
    bytes: u64,
    len: u8,
}

impl Front {
    fn push(&mut self, byte: u8) {
        self.bytes |= u64::from(byte) << (8 * u32::from(self.len));
        self.len += 1;
    }
}

/// The temporal layer of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temporal {
    /// 0 to 3; 0 is the lowest rate.
    pub index: u8,
    /// Y: it refers to the lowest layer only, so a receiver may switch up here.
    pub is_sync: bool,
}

impl Descriptor {
    /// The descriptor as bytes, and how many of them it has.
    ///
    /// For sending the same payload behind a changed descriptor, whose length may differ from
    /// that of the one received: a picture id of seven bits has to grow to be renumbered.
    pub fn to_bytes(&self) -> ([u8; DESCRIPTOR_LEN_MAX], usize) {
        let mut bytes = [self.first_byte(), self.field_bits(), 0, 0, 0, 0];
        let mut len = if bytes[1] == 0 { 1 } else { FLAGS_LEN };
        let (picture_id, picture_id_len) = self.picture_id.map_or(([0; 2], 0), PictureId::to_bytes);
        let temporal = self.temporal.map_or(0, Temporal::to_byte);
        let layers = temporal | self.key_index.unwrap_or(0) & KEY_INDEX_MASK;
        for (field, is_present) in [
            (picture_id[0], picture_id_len > 0),
            (picture_id[1], picture_id_len > 1),
            (
                self.tl0_picture_index.unwrap_or(0),
                self.tl0_picture_index.is_some(),
            ),
            (layers, self.temporal.is_some() || self.key_index.is_some()),
        ] {
            if is_present {
                bytes[len] = field;
                len += 1;
            }
        }
        (bytes, len)
    }

    fn first_byte(&self) -> u8 {
        flag(self.field_bits() != 0, EXTENSION_BIT)
            | flag(self.is_non_reference, NON_REFERENCE_BIT)
            | flag(self.is_partition_start, START_BIT)
            | self.partition_index & PARTITION_MASK
    }

    fn field_bits(&self) -> u8 {
        flag(self.picture_id.is_some(), PICTURE_ID_BIT)
            | flag(self.tl0_picture_index.is_some(), TL0_BIT)
            | flag(self.temporal.is_some(), TID_BIT)
            | flag(self.key_index.is_some(), KEY_INDEX_BIT)
    }

    /// Reads the descriptor at the start of `payload`; `None` when it is cut off.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (&first, mut rest) = payload.split_first()?;
        let fields = match first & EXTENSION_BIT {
            0 => 0,
            _ => take(&mut rest)?,
        };
        let picture_id = match fields & PICTURE_ID_BIT {
            0 => None,
            _ => Some(PictureId::take(&mut rest)?),
        };
        let tl0_picture_index = match fields & TL0_BIT {
            0 => None,
            _ => Some(take(&mut rest)?),
        };
        let layers = match fields & (TID_BIT | KEY_INDEX_BIT) {
            0 => 0,
            _ => take(&mut rest)?,
        };
        let is_partition_start = first & START_BIT != 0;
        let partition_index = first & PARTITION_MASK;
        let begins_frame = is_partition_start && partition_index == 0;
        Some(Self {
            is_non_reference: first & NON_REFERENCE_BIT != 0,
            is_partition_start,
            partition_index,
            picture_id,
            tl0_picture_index,
            temporal: (fields & TID_BIT != 0).then(|| Temporal::from_byte(layers)),
            key_index: (fields & KEY_INDEX_BIT != 0).then_some(layers & KEY_INDEX_MASK),
            len: (payload.len() - rest.len()) as u8,
            is_key_frame: begins_frame
                && rest.first().is_some_and(|byte| byte & INTER_FRAME_BIT == 0),
        })
    }
}

impl Temporal {
    fn from_byte(byte: u8) -> Self {
        Self {
            index: byte >> 6,
            is_sync: byte & SYNC_BIT != 0,
        }
    }

    fn to_byte(self) -> u8 {
        self.index << 6 | flag(self.is_sync, SYNC_BIT)
    }
}

fn flag(is_set: bool, bit: u8) -> u8 {
    if is_set { bit } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X S, I L T K, picture id 0x1234, TL0PICIDX 9, TID 2 Y KEYIDX 5, first byte of a key frame.
    const FULL: [u8; 7] = [0x90, 0xF0, 0x92, 0x34, 9, 0xA5, 0x10];

    #[test]
    fn a_full_descriptor_is_read() {
        let descriptor = Descriptor::parse(&FULL).unwrap();
        let expected = Descriptor {
            is_non_reference: false,
            is_partition_start: true,
            partition_index: 0,
            picture_id: Some(PictureId {
                value: 0x1234,
                is_long: true,
            }),
            tl0_picture_index: Some(9),
            temporal: Some(Temporal {
                index: 2,
                is_sync: true,
            }),
            key_index: Some(5),
            len: 6,
            is_key_frame: true,
        };
        assert_eq!(descriptor, expected);
    }

    #[test]
    fn a_descriptor_of_another_run_is_what_reading_and_writing_give() {
        let run = Recount {
            picture_id: 0x7F03,
            tl0_index: 250,
            key_index: 30,
        };
        let slowly = |payload: &[u8]| {
            let mut descriptor = Descriptor::parse(payload)?;
            let replaced = descriptor.len;
            let has_picture_id = descriptor.picture_id.is_some();
            descriptor.picture_id = descriptor.picture_id.map(|_| PictureId {
                value: run.picture_id,
                is_long: true,
            });
            let tl0_index = descriptor.tl0_picture_index;
            descriptor.tl0_picture_index = tl0_index.map(|it| it.wrapping_add(run.tl0_index));
            let key_index = descriptor.key_index;
            descriptor.key_index = key_index.map(|it| it.wrapping_add(run.key_index) & 0x1F);
            let (front, len) = descriptor.to_bytes();
            let mut bytes = [0; 8];
            bytes[..front.len()].copy_from_slice(&front);
            Some(Recounted {
                bytes,
                len: len as u8,
                replaced,
                has_picture_id,
            })
        };
        for first in 0..=u8::MAX {
            for fields in 0..=u8::MAX {
                for behind in [[0x92, 0x34, 9, 0xA5, 0x10], [0x12, 250, 0x7F, 0xFF, 0]] {
                    let mut payload = vec![first, fields];
                    payload.extend(behind);
                    for len in 0..=payload.len() {
                        let payload = &payload[..len];
                        assert_eq!(recount(payload, run), slowly(payload), "{payload:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_shortest_descriptor_is_one_byte() {
        let descriptor = Descriptor::parse(&[0x10, 0x00]).unwrap();
        assert_eq!((descriptor.len, descriptor.is_key_frame), (1, true));
        assert_eq!(descriptor.picture_id, None);
        let descriptor = Descriptor::parse(&[0x10]).unwrap();
        assert!(!descriptor.is_key_frame);
    }

    #[test]
    fn a_short_picture_id_has_seven_bits() {
        let descriptor = Descriptor::parse(&[0x80, 0x80, 0x7F, 0]).unwrap();
        let expected = PictureId {
            value: 127,
            is_long: false,
        };
        assert_eq!((descriptor.picture_id, descriptor.len), (Some(expected), 3));
    }

    #[test]
    fn only_the_start_of_the_first_partition_begins_a_key_frame() {
        let is_key_frame = |payload| Descriptor::parse(payload).unwrap().is_key_frame;
        assert!(is_key_frame(&[0x10, 0x10]));
        assert!(!is_key_frame(&[0x10, 0x11]));
        assert!(!is_key_frame(&[0x00, 0x10]));
        assert!(!is_key_frame(&[0x11, 0x10]));
    }

    #[test]
    fn a_cut_descriptor_is_none() {
        for len in 0..6 {
            assert_eq!(Descriptor::parse(&FULL[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn a_descriptor_is_written_as_it_was_read() {
        for payload in [
            &FULL[..6],
            &[0x10],
            &[0x35],
            &[0x80, 0x80, 5],
            &[0x80, 0x40, 9],
            &[0x80, 0x20, 0x60],
            &[0x80, 0x10, 0x1F],
        ] {
            let (bytes, len) = Descriptor::parse(payload).unwrap().to_bytes();
            assert_eq!(bytes[..len], *payload);
        }
    }

    #[test]
    fn a_short_picture_id_grows_when_it_is_renumbered() {
        let mut descriptor = Descriptor::parse(&[0x90, 0xE0, 5, 9, 0x40]).unwrap();
        descriptor.picture_id = Some(PictureId {
            value: 0x1234,
            is_long: true,
        });
        descriptor.tl0_picture_index = Some(77);
        let (bytes, len) = descriptor.to_bytes();
        assert_eq!(bytes[..len], [0x90, 0xE0, 0x92, 0x34, 77, 0x40]);
    }
}
