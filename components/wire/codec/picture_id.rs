//! The picture id that the payload descriptors of VP8 and VP9 share.

const LONG_BIT: u8 = 0x80;

/// A picture id of 7 or 15 bits, RFC 7741 section 4.2 and RFC 9628 section 4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    /// Its value.
    pub value: u16,
    /// It has 15 bits and two bytes.
    pub is_long: bool,
}

crate::state! { struct PictureId { value, is_long } }

impl PictureId {
    /// Takes it off the front of `rest`.
    pub(super) fn take(rest: &mut &[u8]) -> Option<Self> {
        let first = take(rest)?;
        let is_long = first & LONG_BIT != 0;
        let value = match is_long {
            true => u16::from_be_bytes([first & !LONG_BIT, take(rest)?]),
            false => first.into(),
        };
        Some(Self { value, is_long })
    }

    /// How many bytes it takes.
    pub(super) fn len(self) -> usize {
        1 + usize::from(self.is_long)
    }

    /// Its bytes, and how many of them it has; high bits that do not fit are cut off.
    pub(super) fn to_bytes(self) -> ([u8; 2], usize) {
        let [high, low] = self.value.to_be_bytes();
        let bytes = match self.is_long {
            true => [high | LONG_BIT, low],
            false => [low & !LONG_BIT, 0],
        };
        (bytes, self.len())
    }
}

/// Takes one byte off the front of `rest`.
pub(super) fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, behind) = rest.split_first()?;
    *rest = behind;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_bit_of_the_first_byte_tells_the_width() {
        let read = |mut bytes: &[u8]| PictureId::take(&mut bytes).map(|id| (id.value, id.is_long));
        assert_eq!(read(&[0x7F]), Some((127, false)));
        assert_eq!(read(&[0xFF, 0xFE]), Some((32766, true)));
        assert_eq!(read(&[0xFF]), None);
        assert_eq!(read(&[]), None);
    }
}
