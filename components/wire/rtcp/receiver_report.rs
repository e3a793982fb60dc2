//! Receiver reports, RFC 3550 section 6.4.2.

use super::report_block::append_blocks;
use super::write::{append, close};
use super::{COUNT_MAX, ReportBlock, Row, Rows, be32};

const SSRC_LEN: usize = 4;

/// A receiver tells how streams arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// The receiver.
    pub sender_ssrc: u32,
    blocks: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, blocks) = body.split_at_checked(SSRC_LEN)?;
        Some(Self {
            sender_ssrc: be32(ssrc, 0)?,
            blocks: blocks.get(..ReportBlock::LEN * usize::from(count))?,
        })
    }

    /// One for each stream.
    pub fn blocks(&self) -> Rows<'a, ReportBlock> {
        Rows::new(self.blocks)
    }
}

/// Appends receiver reports: 8 bytes for each 31 blocks or fewer, and 24 for each block.
///
/// One empty report when there are no blocks.
pub fn write_receiver_report(out: &mut Vec<u8>, sender_ssrc: u32, blocks: &[ReportBlock]) {
    let mut rest = blocks;
    loop {
        let (blocks, behind) = rest.split_at(rest.len().min(COUNT_MAX));
        let report = rtcp::receiver_report::ReceiverReport {
            ssrc: sender_ssrc,
            ..Default::default()
        };
        let start = append(out, &report);
        append_blocks(out, start, blocks);
        close(out, start);
        rest = behind;
        if rest.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    fn block_counts(blocks: usize) -> Vec<usize> {
        let mut out = vec![];
        let blocks: Vec<_> = (0..blocks as u32)
            .map(|ssrc| ReportBlock {
                ssrc,
                ..ReportBlock::default()
            })
            .collect();
        write_receiver_report(&mut out, 7, &blocks);
        let mut expected = blocks.iter();
        packets(&out)
            .map(|packet| match packet {
                Ok(RtcpPacket::ReceiverReport(report)) => {
                    assert_eq!(report.sender_ssrc, 7);
                    report
                        .blocks()
                        .inspect(|block| assert_eq!(Some(block), expected.next()))
                        .count()
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_report_holds_at_most_31_blocks() {
        assert_eq!(block_counts(0), [0]);
        assert_eq!(block_counts(31), [31]);
        assert_eq!(block_counts(32), [31, 1]);
        assert_eq!(block_counts(70), [31, 31, 8]);
    }

    #[test]
    fn a_count_beyond_the_body_is_malformed() {
        let report = [0x81, 201, 0, 1, 0, 0, 0, 7];
        assert_eq!(packets(&report).next(), Some(Err(RtcpError::BadBody)));
    }
}
