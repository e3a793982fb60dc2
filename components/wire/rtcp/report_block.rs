//! Reception report blocks, RFC 3550 section 6.4.1.

use rtcp::reception_report::ReceptionReport;

use super::write::{append, set_count};
use super::{COUNT_MAX, Row, be32};

const FRACTION_LOST: usize = 4;
const TOTAL_LOST: usize = 4;
const HIGHEST_SEQUENCE: usize = 8;
const JITTER: usize = 12;
const LAST_SENDER_REPORT: usize = 16;
const DELAY: usize = 20;

/// The cumulative loss has 24 bits and a sign.
const TOTAL_LOST_MAX: i32 = 0x7F_FFFF;
const TOTAL_LOST_MIN: i32 = -0x80_0000;
const TOTAL_LOST_MASK: u32 = 0xFF_FFFF;

/// What a receiver says of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Loss since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative when duplicates outnumber losses.
    ///
    /// Written clamped to 24 bits with sign.
    pub total_lost: i32,
    /// Highest sequence number received; the upper half counts the wraps.
    pub highest_sequence: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time in the last sender report; 0 when there was none.
    pub last_sender_report: u32,
    /// Since that report arrived, in 1/65536 seconds; 0 when there was none.
    pub delay: u32,
}

impl Row for ReportBlock {
    const LEN: usize = 24;

    fn read(row: &[u8]) -> Option<Self> {
        let lost = be32(row, TOTAL_LOST)?;
        Some(Self {
            ssrc: be32(row, 0)?,
            fraction_lost: *row.get(FRACTION_LOST)?,
            // Shifted up and down again, the sign of the 24 bits is that of the 32.
            total_lost: (lost << 8) as i32 >> 8,
            highest_sequence: be32(row, HIGHEST_SEQUENCE)?,
            jitter: be32(row, JITTER)?,
            last_sender_report: be32(row, LAST_SENDER_REPORT)?,
            delay: be32(row, DELAY)?,
        })
    }
}

impl ReportBlock {
    fn as_reception_report(&self) -> ReceptionReport {
        let total_lost = self.total_lost.clamp(TOTAL_LOST_MIN, TOTAL_LOST_MAX) as u32;
        ReceptionReport {
            ssrc: self.ssrc,
            fraction_lost: self.fraction_lost,
            total_lost: total_lost & TOTAL_LOST_MASK,
            last_sequence_number: self.highest_sequence,
            jitter: self.jitter,
            last_sender_report: self.last_sender_report,
            delay: self.delay,
        }
    }
}

/// Appends blocks, at most [`COUNT_MAX`] of them, to the report that begins at `start`.
pub(super) fn append_blocks(out: &mut Vec<u8>, start: usize, blocks: &[ReportBlock]) {
    debug_assert!(blocks.len() <= COUNT_MAX, "the caller splits");
    for block in blocks {
        append(out, &block.as_reception_report());
    }
    set_count(out, start, blocks.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total_lost_after_a_round_trip(total_lost: i32) -> i32 {
        let mut out = vec![0; 4];
        let block = ReportBlock {
            total_lost,
            fraction_lost: 0xFF,
            ..ReportBlock::default()
        };
        append_blocks(&mut out, 0, &[block]);
        let block = ReportBlock::read(&out[4..]).unwrap();
        assert_eq!(block.fraction_lost, 0xFF);
        block.total_lost
    }

    #[test]
    fn the_cumulative_loss_is_signed_and_clamped() {
        for (written, read) in [
            (0, 0),
            (-1, -1),
            (8_388_607, 8_388_607),
            (8_388_608, 8_388_607),
            (-8_388_608, -8_388_608),
            (-8_388_609, -8_388_608),
            (i32::MAX, 8_388_607),
            (i32::MIN, -8_388_608),
        ] {
            assert_eq!(total_lost_after_a_round_trip(written), read, "{written}");
        }
    }
}
