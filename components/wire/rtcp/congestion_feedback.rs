//! Congestion control feedback, RFC 8888.

use super::{be16, be32};

const SENDER: usize = 4;
const BLOCK_HEADER: usize = 8;
const BEGIN_SEQUENCE: usize = 4;
const REPORT_COUNT: usize = 6;
const METRIC: usize = 2;
const TIMESTAMP: usize = 4;
const RECEIVED: u16 = 0x8000;
const OFFSET: u16 = 0x1FFF;
/// Offsets from here on are too long to be told, or not known.
const OFFSET_UNKNOWN: u16 = 0x1FFE;
/// Units of the report timestamp (2^-16 s) in one of an offset (2^-10 s).
const UNITS_PER_OFFSET: u32 = 64;
/// More would not be told from older ones, RFC 8888 section 3.1.
const REPORTS_MAX: u16 = 16_384;

/// A receiver tells when the packets of its streams arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionFeedback<'a> {
    /// The receiver.
    pub sender_ssrc: u32,
    /// When it told, on its clock: 16.16 fixed point seconds, wrapping.
    pub timestamp: u32,
    blocks: &'a [u8],
}

/// Packets of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamArrivals<'a> {
    /// The stream.
    pub ssrc: u32,
    /// The RTP sequence number of the first packet.
    pub begin_sequence: u16,
    timestamp: u32,
    metrics: &'a [u8],
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamArrival {
    /// It has not arrived.
    Missing,
    /// It has, nobody knows when.
    Sometime,
    /// It has, on the receiver's clock: 16.16 fixed point seconds, wrapping, in steps of 2^-10 s.
    At(u32),
}

impl<'a> CongestionFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (blocks, timestamp) = body.split_last_chunk::<TIMESTAMP>()?;
        let blocks = blocks.get(SENDER..)?;
        let mut rest = blocks;
        while !rest.is_empty() {
            rest = split(rest)?.1;
        }
        Some(Self {
            sender_ssrc: be32(body, 0)?,
            timestamp: u32::from_be_bytes(*timestamp),
            blocks,
        })
    }

    /// The streams, in the order of the packet.
    pub fn streams(&self) -> impl Iterator<Item = StreamArrivals<'a>> + use<'a> {
        let (mut rest, timestamp) = (self.blocks, self.timestamp);
        std::iter::from_fn(move || {
            let (block, behind) = split(rest)?;
            rest = behind;
            Some(StreamArrivals {
                ssrc: be32(block, 0)?,
                begin_sequence: be16(block, BEGIN_SEQUENCE)?,
                timestamp,
                metrics: block.get(BLOCK_HEADER..)?,
            })
        })
    }
}

/// The first block without its padding, and what follows it.
fn split(blocks: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = be16(blocks, REPORT_COUNT).filter(|count| *count <= REPORTS_MAX)?;
    let len = BLOCK_HEADER + METRIC * usize::from(count);
    let (_, behind) = blocks.split_at_checked(len.next_multiple_of(4))?;
    Some((&blocks[..len], behind))
}

impl StreamArrivals<'_> {
    /// How many packets are told of.
    pub fn count(&self) -> u16 {
        (self.metrics.len() / METRIC) as u16
    }

    /// What became of the packet with this RTP sequence number, if it is told of.
    pub fn of(&self, sequence_number: u16) -> Option<StreamArrival> {
        let index = sequence_number.wrapping_sub(self.begin_sequence);
        let metric = be16(self.metrics, METRIC * usize::from(index))?;
        Some(match (metric & RECEIVED != 0, metric & OFFSET) {
            (false, _) => StreamArrival::Missing,
            (true, OFFSET_UNKNOWN..) => StreamArrival::Sometime,
            (true, offset) => {
                let before = u32::from(offset) * UNITS_PER_OFFSET;
                StreamArrival::At(self.timestamp.wrapping_sub(before))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    /// A packet with these words behind its header.
    fn packet(words: &[u32]) -> Vec<u8> {
        let mut bytes = vec![0x80 | 11, 205];
        bytes.extend((words.len() as u16).to_be_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<CongestionFeedback<'_>, RtcpError> {
        match packets(bytes).next() {
            Some(Ok(RtcpPacket::CongestionFeedback(feedback))) => Ok(feedback),
            Some(Err(error)) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packets_of_streams_are_told_of_by_their_numbers() {
        let bytes = packet(&[
            1,
            // Three packets from 65,535 on, filled up to whole words.
            0x2222,
            0xFFFF_0003,
            0x8000_0000,
            0x9FFD_0000,
            // One of another stream, and none of a third one.
            0x3333,
            0x0007_0001,
            0xBFFE_0000,
            0x4444,
            0x0000_0000,
            // 10 seconds.
            0x000A_0000,
        ]);
        let feedback = read(&bytes).unwrap();
        assert_eq!((feedback.sender_ssrc, feedback.timestamp), (1, 0xA_0000));
        let streams: Vec<_> = feedback.streams().collect();
        let names: Vec<_> = streams.iter().map(|one| (one.ssrc, one.count())).collect();
        assert_eq!(names, [(0x2222, 3), (0x3333, 1), (0x4444, 0)]);
        let told: Vec<_> = (65_534..65_538)
            .map(|number| streams[0].of(number as u16))
            .collect();
        let late = StreamArrival::At(0xA_0000 - 0x1FFD * 64);
        let expected = [
            None,
            Some(StreamArrival::At(0xA_0000)),
            Some(StreamArrival::Missing),
            Some(late),
        ];
        assert_eq!(told, expected);
        // ECN marks are no part of the offset.
        assert_eq!(streams[1].of(7), Some(StreamArrival::Sometime));
        assert_eq!(streams[2].of(0), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rows: [&[u32]; 6] = [
            &[],
            &[1],
            // A block that is cut off.
            &[1, 0x2222, 5],
            &[1, 0x2222, 0x0000_0003, 0, 5],
            // More packets than can be told apart.
            &[1, 0x2222, 0x0000_4001, 0, 5],
            &[1, 2, 3, 0xFFFF_FFFF],
        ];
        for words in rows {
            assert_eq!(read(&packet(words)), Err(RtcpError::BadBody), "{words:x?}");
        }
        assert!(read(&packet(&[1, 5])).unwrap().streams().next().is_none());
    }
}
