//! Extended reports, RFC 3611: how a receiver that sends nothing learns its round-trip time.

use rtcp::extended_report::{
    DLRRReportBlock, ExtendedReport as Report, ReceiverReferenceTimeReportBlock,
};

use super::write::{append, close, set_words};
use super::{Row, Rows, be16, be32};

const SSRC_LEN: usize = 4;
/// Type, type-specific bits and length in words.
const BLOCK_HEADER_LEN: usize = 4;
const BLOCK_LENGTH: usize = 2;

/// Block types, RFC 3611 sections 4.4 and 4.5.
const REFERENCE_TIME: u8 = 4;
const DLRR: u8 = 5;

/// Blocks of several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedReport<'a> {
    /// Who reports.
    pub sender_ssrc: u32,
    blocks: &'a [u8],
}

/// One block of an [`ExtendedReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XrBlock<'a> {
    /// RRTR: when the report was sent, NTP time, Q32.32 seconds. To be answered by a DLRR.
    ReferenceTime(u64),
    /// DLRR: answers to reference times.
    Dlrr(Dlrr<'a>),
    /// Anything else, by its type.
    Unknown(u8),
}

/// Answers to the reference times of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dlrr<'a> {
    items: &'a [u8],
}

/// The answer to one receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlrrItem {
    /// The receiver.
    pub ssrc: u32,
    /// Middle 32 bits of its last reference time; 0 when there was none.
    pub last_reference: u32,
    /// Since that arrived, in 1/65536 seconds; 0 when there was none.
    pub delay: u32,
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (ssrc, blocks) = body.split_at_checked(SSRC_LEN)?;
        let mut walk = XrBlocks { rest: blocks };
        walk.by_ref().for_each(drop);
        let whole = walk.rest.is_empty();
        whole.then_some(Self {
            sender_ssrc: be32(ssrc, 0)?,
            blocks,
        })
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> XrBlocks<'a> {
        XrBlocks { rest: self.blocks }
    }
}

/// See [`ExtendedReport::blocks`].
#[derive(Clone, Debug)]
pub struct XrBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for XrBlocks<'a> {
    type Item = XrBlock<'a>;

    fn next(&mut self) -> Option<XrBlock<'a>> {
        let len = 4 * usize::from(be16(self.rest, BLOCK_LENGTH)?);
        let (block, rest) = self.rest.split_at_checked(BLOCK_HEADER_LEN + len)?;
        let block = XrBlock::read(*block.first()?, &block[BLOCK_HEADER_LEN..])?;
        self.rest = rest;
        Some(block)
    }
}

impl<'a> XrBlock<'a> {
    fn read(block_type: u8, content: &'a [u8]) -> Option<Self> {
        match block_type {
            REFERENCE_TIME => {
                let ntp = content.try_into().ok()?;
                Some(Self::ReferenceTime(u64::from_be_bytes(ntp)))
            }
            DLRR => {
                let whole = content.len().is_multiple_of(DlrrItem::LEN);
                whole.then_some(Self::Dlrr(Dlrr { items: content }))
            }
            _ => Some(Self::Unknown(block_type)),
        }
    }
}

impl<'a> Dlrr<'a> {
    /// One for each receiver that is answered.
    pub fn items(&self) -> Rows<'a, DlrrItem> {
        Rows::new(self.items)
    }
}

impl Row for DlrrItem {
    const LEN: usize = 12;

    fn read(row: &[u8]) -> Option<Self> {
        Some(Self {
            ssrc: be32(row, 0)?,
            last_reference: be32(row, 4)?,
            delay: be32(row, 8)?,
        })
    }
}

/// Appends an extended report with a reference time: 20 bytes.
///
/// `ntp` is the time of sending, Q32.32 seconds.
pub fn write_reference_time(out: &mut Vec<u8>, sender_ssrc: u32, ntp: u64) {
    let start = append_empty(out, sender_ssrc);
    let ntp_timestamp = ntp;
    append(out, &ReceiverReferenceTimeReportBlock { ntp_timestamp });
    close(out, start);
}

/// Appends an extended report with a DLRR: 12 bytes and 12 for each item.
pub fn write_dlrr(out: &mut Vec<u8>, sender_ssrc: u32, items: &[DlrrItem]) {
    let start = append_empty(out, sender_ssrc);
    let block = append(out, &DLRRReportBlock::default());
    for item in items {
        for word in [item.ssrc, item.last_reference, item.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    set_words(out, block);
    close(out, start);
}

fn append_empty(out: &mut Vec<u8>, sender_ssrc: u32) -> usize {
    let reports = Vec::new();
    let report = Report {
        sender_ssrc,
        reports,
    };
    append(out, &report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    fn read(compound: &[u8]) -> Result<ExtendedReport<'_>, RtcpError> {
        match packets(compound).next().unwrap()? {
            RtcpPacket::ExtendedReport(report) => Ok(report),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reference_time_is_written_and_read() {
        let mut out = vec![];
        write_reference_time(&mut out, 1, 0x0102_0304_0506_0708);
        let expected = [
            0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        assert_eq!(out, expected);
        let block = XrBlock::ReferenceTime(0x0102_0304_0506_0708);
        assert_eq!(read(&out).unwrap().blocks().collect::<Vec<_>>(), [block]);
    }

    #[test]
    fn answers_are_written_and_read() {
        let items = [1, 2].map(|ssrc| DlrrItem {
            ssrc,
            last_reference: 10 * ssrc,
            delay: 20 * ssrc,
        });
        let mut out = vec![];
        write_dlrr(&mut out, 7, &items);
        let report = read(&out).unwrap();
        assert_eq!(report.sender_ssrc, 7);
        let Some(XrBlock::Dlrr(dlrr)) = report.blocks().next() else {
            panic!("a DLRR");
        };
        assert_eq!(dlrr.items().collect::<Vec<_>>(), items);
    }

    #[test]
    fn unknown_blocks_are_skipped() {
        let packet = [
            0x80, 207, 0, 4, 0, 0, 0, 1, 1, 0, 0, 1, 9, 9, 9, 9, 5, 0, 0, 0,
        ];
        let blocks: Vec<_> = read(&packet).unwrap().blocks().collect();
        let empty = XrBlock::Dlrr(Dlrr { items: &[] });
        assert_eq!(blocks, [XrBlock::Unknown(1), empty]);
    }

    #[test]
    fn lying_block_lengths_are_malformed() {
        for block in [
            [4, 0, 0, 1, 0, 0, 0, 0],
            [4, 0, 0, 2, 0, 0, 0, 0],
            [5, 0, 0, 1, 0, 0, 0, 0],
            [9, 0, 0, 2, 0, 0, 0, 0],
            [9, 0, 255, 255, 0, 0, 0, 0],
        ] {
            let packet = [&[0x80, 207, 0, 3, 0, 0, 0, 1][..], &block].concat();
            assert_eq!(read(&packet), Err(RtcpError::BadBody), "{block:?}");
        }
    }
}
