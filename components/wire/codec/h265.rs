//! H.265, RFC 7798 section 4.4.
//!
//! Without DONL fields, which only sessions that interleave have.

use super::units::{Units, aggregated};

const TYPE_MASK: u8 = 0x3F;
const START_BIT: u8 = 0x80;

/// NAL unit types, RFC 7798 section 4.4 and ITU-T H.265 table 7-1.
const RASL_R: u8 = 9;
const BLA_W_LP: u8 = 16;
const CRA: u8 = 21;
const VPS: u8 = 32;
const SPS: u8 = 33;
const AP: u8 = 48;
const FU: u8 = 49;
const PACI: u8 = 50;

/// The header of a NAL unit, and of a payload: ITU-T H.265 section 7.3.1.2.
#[derive(Clone, Copy)]
struct Header {
    unit: u8,
    /// nuh_layer_id: not 0 in extensions, which other decoders pass over.
    layer: u8,
}

impl Header {
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let header = Self {
            unit: first >> 1 & TYPE_MASK,
            layer: (first & 1) << 5 | second >> 3,
        };
        Some((header, rest))
    }

    /// A NAL unit that begins with `bytes` behind its header.
    fn beginning(self, bytes: &[u8]) -> Units {
        if self.layer != 0 {
            return Units::default();
        }
        let begins_entry = (BLA_W_LP..=CRA).contains(&self.unit);
        let slice = begins_entry || self.unit <= RASL_R;
        // first_slice_segment_in_pic_flag comes first, ITU-T H.265 section 7.3.6.1.
        let first = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        Units {
            parameter_set: matches!(self.unit, VPS | SPS),
            slice,
            begins_entry,
            begins_picture: slice && first,
        }
    }

    /// A payload behind its header; `None` when it is cut off.
    fn payload(self, rest: &[u8]) -> Option<Units> {
        Some(match self.unit {
            AP => {
                let units = aggregated(rest).filter_map(Self::take);
                units.fold(Units::default(), |all, (unit, rest)| {
                    all.and(unit.beginning(rest))
                })
            }
            FU => {
                let (&header, rest) = rest.split_first()?;
                let unit = header & TYPE_MASK;
                let whole = Self { unit, ..self }.beginning(rest);
                match header & START_BIT {
                    0 => whole.continued(),
                    _ => whole,
                }
            }
            _ => self.beginning(rest),
        })
    }
}

/// What is in `payload`.
pub fn units(payload: &[u8]) -> Units {
    let told = Header::take(payload).and_then(|(header, rest)| match header.unit {
        PACI => controlled(header, rest),
        _ => header.payload(rest),
    });
    told.unwrap_or_default()
}

/// What is behind the extension of a PACI packet, RFC 7798 section 4.4.4: any payload but another
/// one, the type of which is there instead of in its own header.
fn controlled(header: Header, rest: &[u8]) -> Option<Units> {
    let (&[first, second], rest) = rest.split_first_chunk()?;
    let unit = first >> 1 & TYPE_MASK;
    let extension = usize::from(first & 1) << 4 | usize::from(second >> 4);
    Header { unit, ..header }.payload(rest.get(extension..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Units = Units {
        parameter_set: false,
        slice: false,
        begins_entry: false,
        begins_picture: false,
    };
    const SET: Units = Units {
        parameter_set: true,
        ..NOTHING
    };
    const PART: Units = Units {
        slice: true,
        ..NOTHING
    };
    const FIRST: Units = Units {
        begins_picture: true,
        ..PART
    };
    const ENTRY: Units = Units {
        begins_entry: true,
        ..PART
    };
    const FIRST_ENTRY: Units = Units {
        begins_entry: true,
        ..FIRST
    };

    #[test]
    fn units_are_told_by_their_types() {
        for unit in 0..64 {
            let first = match unit {
                0..=9 => FIRST,
                16..=21 => FIRST_ENTRY,
                32 | 33 => SET,
                _ => NOTHING,
            };
            let is_whole = !matches!(unit, AP | FU | PACI);
            if is_whole {
                assert_eq!(units(&[unit << 1, 1, 0x80]), first, "type {unit}");
            }
            // As a fragment: what begins does so with its start only.
            assert_eq!(units(&[49 << 1, 1, 0x80 | unit, 0x80]), first, "{unit}");
            assert_eq!(units(&[49 << 1, 1, unit, 0x80]).slice, first.slice);
            assert_eq!(units(&[49 << 1, 1, 0x40 | unit, 0x80]), first.continued());
            // Of another layer.
            assert_eq!(units(&[49 << 1, 9, 0x80 | unit, 0x80]), NOTHING);
            assert_eq!(units(&[49 << 1 | 1, 1, 0x80 | unit, 0x80]), NOTHING);
        }
    }

    #[test]
    fn units_are_found_however_they_are_packed() {
        for (payload, expected) in [
            (&[][..], NOTHING),
            (&[33 << 1][..], NOTHING),
            // VPS, SPS, PPS, SEI.
            (&[0x40, 1, 0x0c][..], SET),
            (&[0x42, 1, 1][..], SET),
            (&[0x44, 1, 0xc1][..], NOTHING),
            (&[0x4e, 1, 5][..], NOTHING),
            // IDR_W_RADL, IDR_N_LP, CRA: the first slice segment, another one, a bare header.
            (&[0x26, 1, 0xaf][..], FIRST_ENTRY),
            (&[0x28, 1, 0x2f][..], ENTRY),
            (&[0x2a, 1][..], ENTRY),
            // TRAIL_R in temporal layer 0, TSA_N in 1.
            (&[0x02, 1, 0xd0][..], FIRST),
            (&[0x04, 2, 0x10][..], PART),
            // AP: VPS, SPS and PPS; PPS and SEI; SEI and the first segment of an IDR picture.
            (
                &[0x60, 1, 0, 2, 0x40, 1, 0, 2, 0x42, 1, 0, 2, 0x44, 1][..],
                SET,
            ),
            (&[0x60, 1, 0, 2, 0x44, 1, 0, 2, 0x4e, 1][..], NOTHING),
            (
                &[0x60, 1, 0, 2, 0x4e, 1, 0, 3, 0x26, 1, 0x80][..],
                FIRST_ENTRY,
            ),
            // AP: a length of zero, one that lies, one that is cut off, a unit of one byte.
            (&[0x60, 1, 0, 0, 0, 2, 0x42, 1][..], SET),
            (&[0x60, 1, 0, 9, 0x42, 1][..], NOTHING),
            (&[0x60, 1, 0, 2, 0x4e, 1, 0, 9, 0x42, 1][..], NOTHING),
            (&[0x60, 1, 0][..], NOTHING),
            (&[0x60, 1, 0, 1, 0x42][..], NOTHING),
            // FU: start and continuation of an IDR picture and of an SPS, nothing.
            (&[0x62, 1, 0x93, 0x80][..], FIRST_ENTRY),
            (&[0x62, 1, 0x93, 0][..], ENTRY),
            (&[0x62, 1, 0x13, 0x80][..], PART),
            (&[0x62, 1, 0xa1, 1][..], SET),
            (&[0x62, 1, 0x21, 1][..], NOTHING),
            (&[0x62, 1][..], NOTHING),
            // PACI: an SPS behind three bytes of extension; a fragment; nothing behind it; another.
            (&[0x64, 1, 0x42, 0x30, 7, 7, 7, 1][..], SET),
            (&[0x64, 1, 0x62, 0x10, 7, 0x93, 0x80][..], FIRST_ENTRY),
            (&[0x64, 1, 0x42, 0x30, 7, 7][..], NOTHING),
            (&[0x64, 1, 0x64, 0, 0x42, 1][..], NOTHING),
        ] {
            assert_eq!(units(payload), expected, "{payload:02x?}");
        }
    }
}
