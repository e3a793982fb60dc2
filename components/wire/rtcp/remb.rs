//! Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03.

use rtcp::header::{FORMAT_REMB, PacketType};

use super::write::{close, open};
use super::{Row, Rows, be32};

const IDENTIFIER: &[u8; 4] = b"REMB";
/// Offsets in the body: behind the two SSRCs.
const IDENTIFIER_AT: usize = 8;
const COUNT_AND_BITRATE: usize = 12;
const SSRCS: usize = 16;

const MANTISSA_BITS: u32 = 18;
const MANTISSA_MASK: u32 = (1 << MANTISSA_BITS) - 1;
const EXPONENT_MASK: u32 = 0x3F;
const COUNT_SHIFT: u32 = 24;
/// The count of SSRCs has eight bits.
const SSRCS_MAX: usize = 255;

/// A receiver believes that its path carries no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'a> {
    /// The receiver.
    pub sender_ssrc: u32,
    /// Bits per second, for all streams together; `u64::MAX` for what is more than that.
    pub bitrate: u64,
    ssrcs: &'a [u8],
}

impl<'a> Remb<'a> {
    /// Whether the body of an application-layer feedback message (format 15) is a REMB.
    pub(super) fn is_in(body: &[u8]) -> bool {
        body.get(IDENTIFIER_AT..)
            .is_some_and(|identifier| identifier.starts_with(IDENTIFIER))
    }

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let count_and_bitrate = be32(body, COUNT_AND_BITRATE)?;
        let ssrcs_len = u32::LEN * (count_and_bitrate >> COUNT_SHIFT) as usize;
        Some(Self {
            sender_ssrc: be32(body, 0)?,
            bitrate: decode_bitrate(count_and_bitrate),
            ssrcs: body.get(SSRCS..)?.get(..ssrcs_len)?,
        })
    }

    /// The streams it applies to.
    pub fn ssrcs(&self) -> Rows<'a, u32> {
        Rows::new(self.ssrcs)
    }
}

fn decode_bitrate(field: u32) -> u64 {
    let mantissa = u64::from(field & MANTISSA_MASK);
    let exponent = field >> MANTISSA_BITS & EXPONENT_MASK;
    if exponent > mantissa.leading_zeros() {
        return u64::MAX;
    }
    // A mantissa of 0 may have any exponent, 64 not among them.
    mantissa << exponent
}

/// Mantissa and exponent; what does not fit the mantissa is cut off, so never more than `bitrate`.
fn encode_bitrate(bitrate: u64) -> u32 {
    let exponent = (u64::BITS - bitrate.leading_zeros()).saturating_sub(MANTISSA_BITS);
    exponent << MANTISSA_BITS | (bitrate >> exponent) as u32
}

/// Appends a REMB for the first 255 of `ssrcs`: 20 bytes and 4 for each of them.
///
/// `bitrate` is in bits per second and keeps its highest 18 binary digits.
pub fn write_remb(out: &mut Vec<u8>, sender_ssrc: u32, bitrate: u64, ssrcs: &[u32]) {
    let ssrcs = &ssrcs[..ssrcs.len().min(SSRCS_MAX)];
    let start = open(out, PacketType::PayloadSpecificFeedback, FORMAT_REMB);
    // The draft wants 0 for the media SSRC.
    for word in [sender_ssrc, 0, u32::from_be_bytes(*IDENTIFIER)] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    let count_and_bitrate = (ssrcs.len() as u32) << COUNT_SHIFT | encode_bitrate(bitrate);
    out.extend_from_slice(&count_and_bitrate.to_be_bytes());
    for ssrc in ssrcs {
        out.extend_from_slice(&ssrc.to_be_bytes());
    }
    close(out, start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    fn read_back(bitrate: u64) -> u64 {
        decode_bitrate(encode_bitrate(bitrate))
    }

    #[test]
    fn eighteen_digits_of_a_bitrate_survive() {
        for exact in [0, 1, 262_143, 262_144, 1_000_000, 0x3FFFF << 46] {
            assert_eq!(read_back(exact), exact);
        }
        assert_eq!(read_back(262_145), 262_144);
        assert_eq!(read_back(u64::MAX), 0x3FFFF << 46);
    }

    #[test]
    fn more_than_64_bits_is_the_maximum() {
        assert_eq!(decode_bitrate(46 << 18 | 0x3FFFF), 0x3FFFF << 46);
        assert_eq!(decode_bitrate(47 << 18 | 0x3FFFF), u64::MAX);
        assert_eq!(decode_bitrate(63 << 18 | 1), 1 << 63);
        assert_eq!(decode_bitrate(63 << 18 | 2), u64::MAX);
        assert_eq!(decode_bitrate(63 << 18), 0);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = vec![];
        write_remb(&mut out, 1, 1_000_000, &[2, 3]);
        assert_eq!(out[..4], [0x8F, 206, 0, 6]);
        let Some(Ok(RtcpPacket::Remb(remb))) = packets(&out).next() else {
            panic!("a REMB");
        };
        assert_eq!((remb.sender_ssrc, remb.bitrate), (1, 1_000_000));
        assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn a_lying_count_is_malformed_and_another_identifier_unknown() {
        let mut out = vec![];
        write_remb(&mut out, 1, 1_000_000, &[2, 3]);
        out[16] = 3;
        assert_eq!(packets(&out).next(), Some(Err(RtcpError::BadBody)));
        out[12] = b'X';
        let walked = packets(&out).next();
        assert!(matches!(walked, Some(Ok(RtcpPacket::Unknown(_)))));
    }
}
