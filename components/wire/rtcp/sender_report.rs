//! Sender reports, RFC 3550 section 6.4.1.

use super::{ReportBlock, Row, Rows, be32, write::append};

const NTP: usize = 4;
const RTP_TIMESTAMP: usize = 12;
const PACKET_COUNT: usize = 16;
const OCTET_COUNT: usize = 20;
/// Length of SSRC and sender information.
const INFO_LEN: usize = 24;

/// A sender tells how its RTP clock maps to a common one, and how much it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// What it says of its own stream.
    pub info: SenderInfo,
    blocks: &'a [u8],
}

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The stream.
    pub ssrc: u32,
    /// When the report was sent: NTP time, Q32.32 seconds.
    pub ntp: u64,
    /// The same instant on the stream's RTP clock.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packet_count: u32,
    /// Payload bytes sent so far, without headers and padding.
    pub octet_count: u32,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (info, blocks) = body.split_at_checked(INFO_LEN)?;
        Some(Self {
            info: SenderInfo::read(info)?,
            // What follows the blocks is a profile's extension.
            blocks: blocks.get(..ReportBlock::LEN * usize::from(count))?,
        })
    }

    /// What the sender says of streams it receives.
    pub fn blocks(&self) -> Rows<'a, ReportBlock> {
        Rows::new(self.blocks)
    }
}

impl SenderInfo {
    fn read(info: &[u8]) -> Option<Self> {
        let seconds = be32(info, NTP)?;
        let fraction = be32(info, NTP + 4)?;
        Some(Self {
            ssrc: be32(info, 0)?,
            ntp: u64::from(seconds) << 32 | u64::from(fraction),
            rtp_timestamp: be32(info, RTP_TIMESTAMP)?,
            packet_count: be32(info, PACKET_COUNT)?,
            octet_count: be32(info, OCTET_COUNT)?,
        })
    }
}

/// Appends a sender report without report blocks: 28 bytes.
///
/// What the engine has to say of streams it receives goes into receiver reports.
pub fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo) {
    let report = rtcp::sender_report::SenderReport {
        ssrc: info.ssrc,
        ntp_time: info.ntp,
        rtp_time: info.rtp_timestamp,
        packet_count: info.packet_count,
        octet_count: info.octet_count,
        ..Default::default()
    };
    append(out, &report);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    #[test]
    fn what_is_written_is_read() {
        let info = SenderInfo {
            ssrc: 1,
            ntp: 0x0102_0304_0506_0708,
            rtp_timestamp: 2,
            packet_count: 3,
            octet_count: 4,
        };
        let mut out = vec![];
        write_sender_report(&mut out, &info);
        assert_eq!(out[..4], [0x80, 200, 0, 6]);
        let report = SenderReport { info, blocks: &[] };
        let walked = packets(&out).next();
        assert_eq!(walked, Some(Ok(RtcpPacket::SenderReport(report))));
    }

    #[test]
    fn a_count_beyond_the_body_is_malformed() {
        let mut out = vec![];
        write_sender_report(&mut out, &SenderInfo::default());
        out[0] |= 1;
        assert_eq!(packets(&out).next(), Some(Err(RtcpError::BadBody)));
        out.extend_from_slice(&[0; 28]);
        out[3] += 7;
        let Some(Ok(RtcpPacket::SenderReport(report))) = packets(&out).next() else {
            panic!("a sender report with one block and an extension of one word");
        };
        assert_eq!(report.blocks().len(), 1);
    }
}
