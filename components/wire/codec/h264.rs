//! H.264, RFC 6184 section 5.

const TYPE_MASK: u8 = 0x1F;
const START_BIT: u8 = 0x80;

/// NAL unit types, RFC 6184 table 1 and ITU-T H.264 table 7-1.
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// What a packet carries of that with which a decoder may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// A sequence parameter set begins.
    pub parameter_set: bool,
    /// There is a slice of a picture, or a part of one.
    pub slice: bool,
    /// A slice of an IDR picture begins.
    pub begins_idr: bool,
    /// A slice begins that is the first of its picture.
    pub begins_picture: bool,
}

impl Units {
    /// What is in `payload`.
    pub fn of(payload: &[u8]) -> Self {
        let Some((&indicator, rest)) = payload.split_first() else {
            return Self::default();
        };
        match indicator & TYPE_MASK {
            STAP_A => Self::aggregated(rest),
            FU_A => Self::fragment(rest, FU_A_HEADER_LEN),
            FU_B => Self::fragment(rest, FU_B_HEADER_LEN),
            unit => Self::beginning(unit, rest),
        }
    }

    /// A NAL unit of this type that begins with `bytes` behind its header.
    fn beginning(unit: u8, bytes: &[u8]) -> Self {
        let slice = matches!(unit, 1..=IDR);
        // first_mb_in_slice, which comes first, is 0: a single bit in Exp-Golomb code (ITU-T H.264
        // sections 7.3.3 and 9.1).
        let first = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        Self {
            parameter_set: unit == SPS,
            slice,
            begins_idr: unit == IDR,
            begins_picture: slice && first,
        }
    }

    /// What a fragmentation unit carries, RFC 6184 section 5.8.
    fn fragment(bytes: &[u8], header_len: usize) -> Self {
        let Some(&header) = bytes.first() else {
            return Self::default();
        };
        let whole = Self::beginning(
            header & TYPE_MASK,
            bytes.get(header_len..).unwrap_or_default(),
        );
        match header & START_BIT {
            0 => Self {
                slice: whole.slice,
                ..Self::default()
            },
            _ => whole,
        }
    }

    /// Walks the units of a STAP-A, each behind its two-byte length, RFC 6184 section 5.7.1.
    fn aggregated(mut units: &[u8]) -> Self {
        let mut all = Self::default();
        while let Some((len, rest)) = units.split_first_chunk() {
            let Some((unit, rest)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else {
                break;
            };
            if let Some((&header, bytes)) = unit.split_first() {
                all = all.and(Self::beginning(header & TYPE_MASK, bytes));
            }
            units = rest;
        }
        all
    }

    fn and(self, other: Self) -> Self {
        Self {
            parameter_set: self.parameter_set || other.parameter_set,
            slice: self.slice || other.slice,
            begins_idr: self.begins_idr || other.begins_idr,
            begins_picture: self.begins_picture || other.begins_picture,
        }
    }
}

const FU_A_HEADER_LEN: usize = 1;
/// With a decoding order number, RFC 6184 section 5.8.
const FU_B_HEADER_LEN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_however_they_are_packed() {
        let nothing = Units::default();
        let set = Units {
            parameter_set: true,
            ..nothing
        };
        let part = Units {
            slice: true,
            ..nothing
        };
        let idr = Units {
            begins_idr: true,
            ..part
        };
        let first = Units {
            begins_picture: true,
            ..part
        };
        let first_idr = Units {
            begins_idr: true,
            ..first
        };
        for (payload, expected) in [
            (&[][..], nothing),
            (&[0x67, 1][..], set),
            (&[0x68, 1][..], nothing),
            (&[0x65, 0x88][..], first_idr),
            (&[0x65, 0x48][..], idr),
            (&[0x65][..], idr),
            (&[0x41, 0x9a][..], first),
            (&[0x41][..], part),
            // STAP-A: SPS and PPS, PPS and SPS, PPS alone, a length of zero, one that lies.
            (&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68][..], set),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x67, 1][..], set),
            (&[0x78, 0, 1, 0x68][..], nothing),
            (&[0x78, 0, 0, 0, 1, 0x67][..], set),
            (&[0x78, 0, 9, 0x67][..], nothing),
            (&[0x78, 0, 1, 6, 0, 9, 0x67][..], nothing),
            (&[0x78, 0][..], nothing),
            // STAP-A: SEI and the first slice of an IDR picture.
            (&[0x78, 0, 1, 6, 0, 2, 0x65, 0x88][..], first_idr),
            // FU-A and FU-B: start, continuation, nothing.
            (&[0x7C, 0x87, 1][..], set),
            (&[0x7D, 0x87, 1][..], set),
            (&[0x7C, 0x07, 1][..], nothing),
            (&[0x7C, 0x85, 0x88][..], first_idr),
            (&[0x7C, 0x85, 1][..], idr),
            (&[0x7D, 0x85, 0, 1, 0x88][..], first_idr),
            (&[0x7D, 0x85, 0x88][..], idr),
            (&[0x7C, 0x05, 0x88][..], part),
            (&[0x7C][..], nothing),
        ] {
            assert_eq!(Units::of(payload), expected, "{payload:02x?}");
        }
    }
}
