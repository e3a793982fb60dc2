//! Picture loss indication, RFC 4585 section 6.3.1.

use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;

use super::{be32, write::append};

/// A receiver lost a picture and asks for a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pli {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Of which stream.
    pub media_ssrc: u32,
}

impl Pli {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Some(Self {
            sender_ssrc: be32(body, 0)?,
            media_ssrc: be32(body, 4)?,
        })
    }
}

/// Appends a PLI: 12 bytes.
pub fn write_pli(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32) {
    append(
        out,
        &PictureLossIndication {
            sender_ssrc,
            media_ssrc,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        write_pli(&mut out, 1, 0x0A0B_0C0D);
        assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 1, 0x0A, 0x0B, 0x0C, 0x0D]);
        let pli = Pli {
            sender_ssrc: 1,
            media_ssrc: 0x0A0B_0C0D,
        };
        assert_eq!(packets(&out).next(), Some(Ok(RtcpPacket::Pli(pli))));
    }

    #[test]
    fn one_without_both_ssrcs_is_malformed() {
        let short = [0x81, 206, 0, 1, 0, 0, 0, 1];
        assert_eq!(packets(&short).next(), Some(Err(RtcpError::BadBody)));
    }
}
