//! Opus, RFC 6716 section 3.

const CODE_MASK: u8 = 0x03;
/// Marks of code 3: variable frame sizes, and padding.
const VARIABLE_OR_PADDED: u8 = 0xC0;

/// Whether the packet carries no sound: every frame in it has no byte (DTX, RFC 6716 section 2.1.9).
///
/// By the code in the first byte: one frame (0) or two equal ones (1) with nothing behind it, two
/// frames (2) with one size byte, any number (3) with their count and nothing behind it.
pub fn is_dtx(payload: &[u8]) -> bool {
    match payload {
        [toc] => toc & CODE_MASK <= 1,
        [toc, _] if toc & CODE_MASK == 2 => true,
        [toc, count] => toc & CODE_MASK == 3 && count & VARIABLE_OR_PADDED == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_bytes_are_dtx() {
        for (payload, expected) in [
            (&[][..], false),
            (&[0x78][..], true),
            (&[0x79][..], true),
            (&[0x7A][..], false),
            (&[0x7B][..], false),
            (&[0x78, 1][..], false),
            (&[0x7A, 0][..], true),
            (&[0x7B, 0x03][..], true),
            (&[0x7B, 0x83][..], false),
            (&[0x78, 1, 2][..], false),
        ] {
            assert_eq!(is_dtx(payload), expected, "{payload:02x?}");
        }
    }
}
