//! H.264, RFC 6184 section 5.

const TYPE_MASK: u8 = 0x1F;
const START_BIT: u8 = 0x80;

/// NAL unit types, RFC 6184 table 1 and ITU-T H.264 table 7-1.
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_B: u8 = 29;

/// Whether a key frame begins in this packet: it carries a sequence parameter set.
///
/// Senders put one in front of each IDR picture; a picture that a decoder can start with needs it.
pub fn is_key_frame(payload: &[u8]) -> bool {
    let Some((&indicator, rest)) = payload.split_first() else {
        return false;
    };
    match indicator & TYPE_MASK {
        SPS => true,
        STAP_A => aggregates_sps(rest),
        FU_A | FU_B => rest
            .first()
            .is_some_and(|fu| fu & START_BIT != 0 && fu & TYPE_MASK == SPS),
        _ => false,
    }
}

/// Walks the units of a STAP-A, each behind its two-byte length, RFC 6184 section 5.7.1.
fn aggregates_sps(mut units: &[u8]) -> bool {
    while let Some((len, rest)) = units.split_first_chunk() {
        let Some((unit, rest)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else {
            return false;
        };
        if unit.first().is_some_and(|header| header & TYPE_MASK == SPS) {
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
    fn a_parameter_set_begins_a_key_frame_however_it_is_packed() {
        for (payload, expected) in [
            (&[][..], false),
            (&[0x67, 1][..], true),
            (&[0x65, 1][..], false),
            (&[0x41][..], false),
            // STAP-A: SPS and PPS, PPS and SPS, PPS alone, a length of zero, one that lies.
            (&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68][..], true),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x67, 1][..], true),
            (&[0x78, 0, 1, 0x68][..], false),
            (&[0x78, 0, 0, 0, 1, 0x67][..], true),
            (&[0x78, 0, 9, 0x67][..], false),
            (&[0x78, 0][..], false),
            // FU-A and FU-B: start, continuation, another type, nothing.
            (&[0x7C, 0x87, 1][..], true),
            (&[0x7D, 0x87, 1][..], true),
            (&[0x7C, 0x07, 1][..], false),
            (&[0x7C, 0x85, 1][..], false),
            (&[0x7C][..], false),
        ] {
            assert_eq!(is_key_frame(payload), expected, "{payload:02x?}");
        }
    }
}
