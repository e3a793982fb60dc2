//! H.265, RFC 7798 section 4.4.

const HEADER_LEN: usize = 2;
const TYPE_MASK: u8 = 0x3F;
const START_BIT: u8 = 0x80;

/// NAL unit types, RFC 7798 section 4.4 and ITU-T H.265 table 7-1.
const AP: u8 = 48;
const FU: u8 = 49;

/// Whether a key frame begins in this packet: it carries a parameter set, or the start of a
/// picture that needs no other.
///
/// Without DONL fields, which only sessions that interleave have.
pub fn is_key_frame(payload: &[u8]) -> bool {
    let Some((header, rest)) = payload.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    match nal_type(header[0]) {
        AP => aggregates_key_frame(rest),
        FU => rest
            .first()
            .is_some_and(|fu| fu & START_BIT != 0 && begins_key_frame(fu & TYPE_MASK)),
        single => begins_key_frame(single),
    }
}

fn nal_type(first: u8) -> u8 {
    first >> 1 & TYPE_MASK
}

/// BLA, IDR and CRA pictures, with the numbers reserved beside them; VPS, SPS and PPS.
fn begins_key_frame(nal_type: u8) -> bool {
    matches!(nal_type, 16..=21 | 32..=34)
}

/// Walks the units of an aggregation packet, each behind its two-byte length.
fn aggregates_key_frame(mut units: &[u8]) -> bool {
    while let Some((len, rest)) = units.split_first_chunk() {
        let Some((unit, rest)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else {
            return false;
        };
        if unit
            .first()
            .is_some_and(|&first| begins_key_frame(nal_type(first)))
        {
            return true;
        }
        units = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_sets_and_random_access_pictures_begin_key_frames() {
        for nal_type in 0..64 {
            let expected = (16..=21).contains(&nal_type) || (32..=34).contains(&nal_type);
            assert_eq!(
                is_key_frame(&[nal_type << 1, 1]),
                expected,
                "type {nal_type}"
            );
            // As a fragment: at its start only.
            assert_eq!(is_key_frame(&[49 << 1, 1, 0x80 | nal_type]), expected);
            assert!(!is_key_frame(&[49 << 1, 1, 0x40 | nal_type]));
        }
    }

    #[test]
    fn aggregates_are_searched() {
        let slice_then_sps = [48 << 1, 1, 0, 2, 2, 1, 0, 2, 33 << 1, 1];
        assert!(is_key_frame(&slice_then_sps));
        assert!(!is_key_frame(&slice_then_sps[..6]));
        // A length that lies, one that is cut off, one of zero.
        assert!(!is_key_frame(&[48 << 1, 1, 0, 9, 33 << 1, 1]));
        assert!(!is_key_frame(&[48 << 1, 1, 0]));
        assert!(is_key_frame(&[48 << 1, 1, 0, 0, 0, 2, 33 << 1, 1]));
    }

    #[test]
    fn what_is_too_short_is_no_key_frame() {
        assert!(!is_key_frame(&[]));
        assert!(!is_key_frame(&[33 << 1]));
        assert!(!is_key_frame(&[49 << 1, 1]));
    }
}
