//! H.264, RFC 6184 section 5.

use super::units::{Units, aggregated};

const TYPE_MASK: u8 = 0x1F;
const START_BIT: u8 = 0x80;

/// NAL unit types, RFC 6184 table 1 and ITU-T H.264 table 7-1.
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// What is in `payload`.
pub fn units(payload: &[u8]) -> Units {
    let Some((&indicator, rest)) = payload.split_first() else {
        return Units::default();
    };
    match indicator & TYPE_MASK {
        STAP_A => aggregated(rest).fold(Units::default(), |all, unit| all.and(whole(unit))),
        FU_A => fragment(rest, FU_A_HEADER_LEN),
        FU_B => fragment(rest, FU_B_HEADER_LEN),
        unit => beginning(unit, rest),
    }
}

fn whole(unit: &[u8]) -> Units {
    let unit = unit.split_first();
    unit.map_or(Units::default(), |(header, bytes)| {
        beginning(header & TYPE_MASK, bytes)
    })
}

/// A NAL unit of this type that begins with `bytes` behind its header.
fn beginning(unit: u8, bytes: &[u8]) -> Units {
    let slice = matches!(unit, 1..=IDR);
    // first_mb_in_slice, which comes first, is 0: a single bit in Exp-Golomb code (ITU-T H.264
    // sections 7.3.3 and 9.1).
    let first = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    Units {
        parameter_set: unit == SPS,
        slice,
        begins_entry: unit == IDR,
        begins_picture: slice && first,
    }
}

/// What a fragmentation unit carries, RFC 6184 section 5.8.
fn fragment(bytes: &[u8], header_len: usize) -> Units {
    let Some(&header) = bytes.first() else {
        return Units::default();
    };
    let behind = bytes.get(header_len..).unwrap_or_default();
    let whole = beginning(header & TYPE_MASK, behind);
    match header & START_BIT {
        0 => whole.continued(),
        _ => whole,
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
            begins_entry: true,
            ..part
        };
        let first = Units {
            begins_picture: true,
            ..part
        };
        let first_idr = Units {
            begins_entry: true,
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
            assert_eq!(units(payload), expected, "{payload:02x?}");
        }
    }
}
