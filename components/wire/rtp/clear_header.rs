//! What can be read of an encrypted packet.

use super::{
    BLOCK_HEADER_LEN, CSRC_COUNT_MASK, CSRC_LEN, EXTENSION_BIT, FIXED_LEN, SEQUENCE_NUMBER, SSRC,
    VERSION, be16, be32,
};

/// The part of a packet that SRTP leaves in the clear: the header, with CSRCs and extension block
/// (RFC 3711 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearHeader {
    /// Where the payload begins.
    pub len: usize,
    /// One more for each packet of the stream, wrapping.
    pub sequence_number: u16,
    /// Whose stream it is.
    pub ssrc: u32,
}

impl ClearHeader {
    /// Reads the header of `packet`, of which the end may be missing; none when the version is not 2
    /// or the header runs past it.
    #[inline]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed = packet.first_chunk()?;
        if fixed[0] >> 6 != VERSION {
            return None;
        }
        let csrc_count = usize::from(fixed[0] & CSRC_COUNT_MASK);
        let csrc_end = FIXED_LEN + usize::from(CSRC_LEN) * csrc_count;
        let len = match fixed[0] & EXTENSION_BIT {
            0 => csrc_end,
            _ => {
                let [_, _, w0, w1] = packet.get(csrc_end..)?.first_chunk()?;
                csrc_end + BLOCK_HEADER_LEN + 4 * usize::from(u16::from_be_bytes([*w0, *w1]))
            }
        };
        (len <= packet.len()).then_some(Self {
            len,
            sequence_number: be16(fixed, SEQUENCE_NUMBER),
            ssrc: be32(fixed, SSRC),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::RtpHeader;
    use super::*;

    proptest! {
        /// What is a packet has its header where this finds it; cut short, it has none.
        #[test]
        fn it_is_where_the_header_of_a_plain_packet_is(
            flags in 0x80_u8..=0x9f,
            rest in prop::collection::vec(any::<u8>(), 11..120),
        ) {
            let packet = [vec![flags], rest].concat();
            let clear = ClearHeader::parse(&packet);
            if let Ok(header) = RtpHeader::parse(&packet) {
                let expected = ClearHeader {
                    len: header.payload_start.into(),
                    sequence_number: header.sequence_number,
                    ssrc: header.ssrc,
                };
                prop_assert_eq!(clear, Some(expected));
            }
            if let Some(header) = clear {
                prop_assert!(header.len <= packet.len());
                prop_assert_eq!(ClearHeader::parse(&packet[..header.len]), clear);
                prop_assert_eq!(ClearHeader::parse(&packet[..header.len - 1]), None);
            }
        }
    }

    #[test]
    fn another_version_is_no_packet() {
        assert_eq!(ClearHeader::parse(&[0x40; 40]), None);
    }
}
