//! The RTP header, read in place: RFC 3550 section 5.1 with the extensions of RFC 8285.
//!
//! [`RtpHeader::parse`] checks every length of the packet, extension elements included; after it,
//! no accessor can fail or lie. Nothing is copied and nothing is allocated.

use thiserror::Error;

mod clear_header;
mod extension_iter;

pub use clear_header::ClearHeader;
pub use extension_iter::ExtensionIter;

/// Offset of marker and payload type.
pub const PAYLOAD_TYPE: usize = 1;
/// Offset of the sequence number, two bytes.
pub const SEQUENCE_NUMBER: usize = 2;
/// Offset of the timestamp, four bytes.
pub const TIMESTAMP: usize = 4;
/// Offset of the SSRC, four bytes.
pub const SSRC: usize = 8;
/// Length of the fixed header in bytes.
pub const FIXED_LEN: usize = 12;

/// Profile of an extension block with one-byte element headers, RFC 8285 section 4.2.
pub const ONE_BYTE_PROFILE: u16 = 0xBEDE;
/// Profile of an extension block with two-byte element headers, RFC 8285 section 4.3.
///
/// The low four bits are the application's.
pub const TWO_BYTE_PROFILE: u16 = 0x1000;
/// Length of profile and word count, in front of the elements.
pub const BLOCK_HEADER_LEN: usize = 4;

const CSRC_LEN: u16 = 4;
const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const CSRC_COUNT_MASK: u8 = 0x0F;
const MARKER_BIT: u8 = 0x80;
const PAYLOAD_TYPE_MASK: u8 = 0x7F;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtpError {
    /// Fewer than the twelve bytes of the fixed header.
    #[error("shorter than an RTP header")]
    TooShort,
    /// Longer than a UDP datagram can be.
    #[error("longer than 65535 bytes")]
    TooLong,
    /// The version is not 2.
    #[error("RTP version is not 2")]
    BadVersion,
    /// The CSRC list runs past the end.
    #[error("CSRC list runs past the packet")]
    TruncatedCsrc,
    /// The extension block runs past the end.
    #[error("header extension runs past the packet")]
    TruncatedExtension,
    /// An extension element runs past its block.
    #[error("extension element runs past its block")]
    BadExtension,
    /// Padding of zero bytes, or of more than there are behind the header.
    #[error("padding does not fit the packet")]
    BadPadding,
}

/// What the header of one packet says, and where its parts lie.
///
/// Offsets and lengths are bytes from the start of the packet. Header, payload and padding tile
/// the packet exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// The marker bit: for video, the last packet of a frame.
    pub marker: bool,
    /// 7 bits.
    pub payload_type: u8,
    /// One more for each packet of the stream, wrapping.
    pub sequence_number: u16,
    /// In units of the clock rate of the payload type, wrapping.
    pub timestamp: u32,
    /// Whose stream it is.
    pub ssrc: u32,
    /// How many contributing sources follow the fixed header: 0 to 15.
    pub csrc_count: u8,
    /// The extension block, of whatever profile.
    pub extension: Option<ExtensionBlock>,
    /// Where the payload begins.
    pub payload_start: u16,
    /// Length of the payload without padding.
    pub payload_len: u16,
    /// Length of the padding, its count byte included.
    pub padding_len: u8,
}

crate::state! {
    struct RtpHeader {
        marker, payload_type, sequence_number, timestamp, ssrc, csrc_count, extension,
        payload_start, payload_len, padding_len
    }
}

/// Where the extension block of a packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionBlock {
    /// What the elements look like: [`ONE_BYTE_PROFILE`], [`TWO_BYTE_PROFILE`] or unknown.
    pub profile: u16,
    /// Offset of the elements, behind the four-byte block header.
    pub start: u16,
    /// Length of the elements in bytes: a multiple of four.
    pub len: u16,
}

crate::state! { struct ExtensionBlock { profile, start, len } }

impl RtpHeader {
    /// Reads and checks the header of `packet`, which is the whole packet.
    ///
    /// # Errors
    ///
    /// See [`RtpError`]. A packet with one bad extension element is refused whole: what framed it
    /// wrongly cannot be trusted with the rest.
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let fixed = packet.first_chunk().ok_or(RtpError::TooShort)?;
        let packet_len = u16::try_from(packet.len()).map_err(|_| RtpError::TooLong)?;
        if fixed[0] >> 6 != VERSION {
            return Err(RtpError::BadVersion);
        }
        let csrc_count = fixed[0] & CSRC_COUNT_MASK;
        let csrc_end = FIXED_LEN as u16 + CSRC_LEN * u16::from(csrc_count);
        if csrc_end > packet_len {
            return Err(RtpError::TruncatedCsrc);
        }
        let extension = match fixed[0] & EXTENSION_BIT {
            0 => None,
            _ => Some(ExtensionBlock::parse(packet, csrc_end)?),
        };
        let payload_start = extension.map_or(csrc_end, |block| block.start + block.len);
        let padding_len = match fixed[0] & PADDING_BIT {
            0 => 0,
            _ => padding_len(packet, payload_start)?,
        };
        Ok(Self {
            marker: fixed[PAYLOAD_TYPE] & MARKER_BIT != 0,
            payload_type: fixed[PAYLOAD_TYPE] & PAYLOAD_TYPE_MASK,
            sequence_number: be16(fixed, SEQUENCE_NUMBER),
            timestamp: be32(fixed, TIMESTAMP),
            ssrc: be32(fixed, SSRC),
            csrc_count,
            extension,
            payload_start,
            payload_len: packet_len - payload_start - u16::from(padding_len),
            padding_len,
        })
    }

    /// The extension elements of `packet`, in order: id and value.
    ///
    /// None for a profile that RFC 8285 does not know. `packet` must be the one that was parsed;
    /// of another one the elements mean nothing, but it is safe.
    #[inline]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> ExtensionIter<'a> {
        self.extension
            .map_or_else(ExtensionIter::default, |block| block.elements(packet))
    }

    /// The value of the first extension element with `id`.
    pub fn extension<'a>(&self, packet: &'a [u8], id: u8) -> Option<&'a [u8]> {
        self.extensions(packet)
            .find_map(|(element, value)| (element == id).then_some(value))
    }

    /// The payload of `packet`, without padding; empty when `packet` is not the one parsed.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        let start = usize::from(self.payload_start);
        let end = start + usize::from(self.payload_len);
        packet.get(start..end).unwrap_or_default()
    }
}

impl ExtensionBlock {
    fn parse(packet: &[u8], at: u16) -> Result<Self, RtpError> {
        let Some([p0, p1, w0, w1]) = packet.get(usize::from(at)..).and_then(<[u8]>::first_chunk)
        else {
            return Err(RtpError::TruncatedExtension);
        };
        let start = usize::from(at) + BLOCK_HEADER_LEN;
        let len = 4 * usize::from(u16::from_be_bytes([*w0, *w1]));
        if start + len > packet.len() {
            return Err(RtpError::TruncatedExtension);
        }
        let block = Self {
            profile: u16::from_be_bytes([*p0, *p1]),
            // Both are below the packet's length, which is a u16.
            start: start as u16,
            len: len as u16,
        };
        match block.elements(packet).is_well_formed() {
            true => Ok(block),
            false => Err(RtpError::BadExtension),
        }
    }

    #[inline]
    fn elements<'a>(&self, packet: &'a [u8]) -> ExtensionIter<'a> {
        let start = usize::from(self.start);
        let bytes = packet.get(start..start + usize::from(self.len));
        ExtensionIter::new(self.profile, bytes.unwrap_or_default())
    }
}

fn be16(fixed: &[u8; FIXED_LEN], at: usize) -> u16 {
    u16::from_be_bytes([fixed[at], fixed[at + 1]])
}

fn be32(fixed: &[u8; FIXED_LEN], at: usize) -> u32 {
    u32::from(be16(fixed, at)) << 16 | u32::from(be16(fixed, at + 2))
}

/// The padding that the last byte of `packet` counts, RFC 3550 section 5.1.
fn padding_len(packet: &[u8], payload_start: u16) -> Result<u8, RtpError> {
    let behind = packet.get(usize::from(payload_start)..).unwrap_or_default();
    match behind.last() {
        Some(&padding) if padding != 0 && usize::from(padding) <= behind.len() => Ok(padding),
        _ => Err(RtpError::BadPadding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V=2, marker, payload type 96, sequence 0x1234, timestamp 0x01020304, SSRC 0xDEADBEEF.
    const FIXED: [u8; 12] = [0x80, 0xE0, 0x12, 0x34, 1, 2, 3, 4, 0xDE, 0xAD, 0xBE, 0xEF];

    fn packet(flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = FIXED.to_vec();
        packet[0] |= flags;
        packet.extend_from_slice(rest);
        packet
    }

    fn parse(flags: u8, rest: &[u8]) -> Result<RtpHeader, RtpError> {
        RtpHeader::parse(&packet(flags, rest))
    }

    #[test]
    fn every_field_is_read() {
        let bytes = packet(0, &[7, 8, 9]);
        let header = RtpHeader::parse(&bytes).unwrap();
        let expected = RtpHeader {
            marker: true,
            payload_type: 96,
            sequence_number: 0x1234,
            timestamp: 0x0102_0304,
            ssrc: 0xDEAD_BEEF,
            csrc_count: 0,
            extension: None,
            payload_start: 12,
            payload_len: 3,
            padding_len: 0,
        };
        assert_eq!(header, expected);
        assert_eq!(header.payload(&bytes), [7, 8, 9]);
    }

    #[test]
    fn csrcs_extension_and_padding_are_skipped() {
        let bytes = packet(
            0x31,
            &[0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0, 7, 0, 2],
        );
        let header = RtpHeader::parse(&bytes).unwrap();
        assert_eq!(header.csrc_count, 1);
        let block = ExtensionBlock {
            profile: 0xBEDE,
            start: 20,
            len: 4,
        };
        assert_eq!(header.extension, Some(block));
        assert_eq!(
            (header.payload_start, header.payload_len, header.padding_len),
            (24, 1, 2)
        );
        assert_eq!(header.extension(&bytes, 1), Some(&[0xAA][..]));
        assert_eq!(header.extension(&bytes, 2), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for len in 0..FIXED_LEN {
            assert_eq!(RtpHeader::parse(&FIXED[..len]), Err(RtpError::TooShort));
        }
        assert_eq!(parse(0x40, &[]), Err(RtpError::BadVersion));
        assert_eq!(parse(0x02, &[0; 7]), Err(RtpError::TruncatedCsrc));
        assert_eq!(
            parse(0x10, &[0xBE, 0xDE, 0]),
            Err(RtpError::TruncatedExtension)
        );
        assert_eq!(
            parse(0x10, &[0xBE, 0xDE, 0, 1, 0, 0, 0]),
            Err(RtpError::TruncatedExtension)
        );
        assert_eq!(
            parse(0x10, &[0xBE, 0xDE, 0, 1, 0, 0, 0, 0x10]),
            Err(RtpError::BadExtension)
        );
        assert_eq!(parse(0, &vec![0; 65536 - 12]), Err(RtpError::TooLong));
        assert!(parse(0, &vec![0; 65535 - 12]).is_ok());
    }

    #[test]
    fn padding_must_fit_behind_the_header() {
        assert_eq!(parse(0x20, &[]), Err(RtpError::BadPadding));
        assert_eq!(parse(0x20, &[0]), Err(RtpError::BadPadding));
        assert_eq!(parse(0x20, &[0, 3]), Err(RtpError::BadPadding));
        let only_padding = parse(0x20, &[0, 2]).unwrap();
        assert_eq!((only_padding.payload_len, only_padding.padding_len), (0, 2));
    }

    #[test]
    fn an_unknown_profile_has_no_elements() {
        let bytes = packet(0x10, &[0xAB, 0xAC, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 5]);
        let header = RtpHeader::parse(&bytes).unwrap();
        assert_eq!(header.extensions(&bytes).count(), 0);
        assert_eq!(header.payload(&bytes), [5]);
    }

    #[test]
    fn another_packet_than_the_parsed_one_is_safe() {
        let header = parse(0x10, &[0xBE, 0xDE, 0, 1, 0x12, 1, 2, 3, 9]).unwrap();
        assert_eq!(header.payload(&FIXED), []);
        assert_eq!(header.extensions(&FIXED).count(), 0);
    }
}
