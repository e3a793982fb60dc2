//! Transport-wide congestion control feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01.

use super::{be16, be32};

mod chunk;
mod write;

use chunk::{Chunk, Symbol};

pub use write::{STATUSES_MAX, write_transport_feedback};

const BASE_SEQUENCE: usize = 8;
const STATUS_COUNT: usize = 10;
const REFERENCE_TIME: usize = 12;
const CHUNKS: usize = 16;
const CHUNK_LEN: usize = 2;

/// Ticks of 250 µs in one unit of the reference time, which is 64 ms.
pub const TICKS_PER_REFERENCE: i64 = 256;

/// A receiver tells when the packets of a transport arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportFeedback<'a> {
    /// The receiver.
    pub sender_ssrc: u32,
    /// One of the streams; says nothing more.
    pub media_ssrc: u32,
    /// Transport-wide sequence number of the first packet reported.
    pub base_sequence: u16,
    /// How many packets are reported.
    pub status_count: u16,
    /// On the receiver's clock, in units of 64 ms: 24 bits with sign, wrapping.
    pub reference_time: i32,
    /// Counts feedback packets, wrapping.
    pub feedback_count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Whether, and when, one packet arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its transport-wide sequence number.
    pub sequence_number: u16,
    /// On the receiver's clock, in ticks of 250 µs; `None` when it has not arrived.
    pub time: Option<i64>,
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let reference_and_count = be32(body, REFERENCE_TIME)?;
        let status_count = be16(body, STATUS_COUNT)?;
        let behind = body.get(CHUNKS..)?;
        let (chunks_len, deltas_len) = measure(behind, status_count)?;
        let (chunks, behind) = behind.split_at_checked(chunks_len)?;
        Some(Self {
            sender_ssrc: be32(body, 0)?,
            media_ssrc: be32(body, 4)?,
            base_sequence: be16(body, BASE_SEQUENCE)?,
            status_count,
            reference_time: reference_and_count as i32 >> 8,
            feedback_count: reference_and_count as u8,
            chunks,
            // What follows the deltas fills the last word up.
            deltas: behind.get(..deltas_len)?,
        })
    }

    /// Every packet reported, in rising order.
    ///
    /// Up to 65535 of them, however short the packet: long losses are run-length coded.
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            chunks: self.chunks,
            chunk: Chunk::EMPTY,
            left: self.status_count,
            sequence: self.base_sequence,
            deltas: self.deltas,
            time: i64::from(self.reference_time) * TICKS_PER_REFERENCE,
        }
    }
}

/// Length in bytes of the chunks that hold `status_count` symbols, and of the deltas they announce.
fn measure(chunks: &[u8], status_count: u16) -> Option<(usize, usize)> {
    let (mut at, mut deltas_len, mut left) = (0, 0, status_count);
    while left > 0 {
        let chunk = Chunk::read(be16(chunks, at)?);
        let len = chunk.len().min(left);
        deltas_len += chunk.deltas_len(len)?;
        left -= len;
        at += CHUNK_LEN;
    }
    Some((at, deltas_len))
}

/// See [`TransportFeedback::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    chunks: &'a [u8],
    chunk: Chunk,
    left: u16,
    sequence: u16,
    deltas: &'a [u8],
    time: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        let symbol = self.symbol()?;
        let sequence_number = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let delta = match symbol {
            Symbol::NotReceived => None,
            Symbol::Small => Some(i64::from(u8::from_be_bytes(self.delta()?))),
            Symbol::Large => Some(i64::from(i16::from_be_bytes(self.delta()?))),
        };
        let time = delta.map(|delta| {
            self.time += delta;
            self.time
        });
        Some(Arrival {
            sequence_number,
            time,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl Arrivals<'_> {
    /// The next symbol, from the chunk at hand or the one behind it.
    fn symbol(&mut self) -> Option<Symbol> {
        // A run may be empty, so the next chunk need not have a symbol.
        while self.chunk.len() == 0 {
            let (chunk, rest) = self.chunks.split_first_chunk()?;
            self.chunk = Chunk::read(u16::from_be_bytes(*chunk));
            self.chunks = rest;
        }
        self.chunk.take()
    }

    fn delta<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (delta, rest) = self.deltas.split_first_chunk()?;
        self.deltas = rest;
        Some(*delta)
    }
}

#[cfg(test)]
mod tests {
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    /// Base 65534, three statuses, reference -1, count 9; chunks and deltas follow.
    fn feedback(status_count: u8, chunks_and_deltas: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x8F, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0xFF, 0xFE];
        packet.extend_from_slice(&[0, status_count, 0xFF, 0xFF, 0xFF, 9]);
        packet.extend_from_slice(chunks_and_deltas);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet[3] = (packet.len() / 4 - 1) as u8;
        packet
    }

    fn arrivals(packet: &[u8]) -> Result<Vec<(u16, Option<i64>)>, RtcpError> {
        match packets(packet).next().unwrap()? {
            RtcpPacket::TransportFeedback(feedback) => Ok(feedback
                .arrivals()
                .map(|arrival| (arrival.sequence_number, arrival.time))
                .collect()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_header_is_read() {
        let packet = feedback(1, &[0x20, 1, 7]);
        let Some(Ok(RtcpPacket::TransportFeedback(feedback))) = packets(&packet).next() else {
            panic!("transport-wide feedback");
        };
        assert_eq!((feedback.sender_ssrc, feedback.media_ssrc), (1, 2));
        assert_eq!((feedback.base_sequence, feedback.status_count), (65534, 1));
        assert_eq!((feedback.reference_time, feedback.feedback_count), (-1, 9));
    }

    #[test]
    fn runs_and_vectors_are_read() {
        // A run of two small deltas, then two-bit symbols: lost, large.
        let packet = feedback(4, &[0x20, 2, 0xC8, 0x00, 5, 6, 0xFF, 0xF0]);
        let expected = vec![
            (65534, Some(-256 + 5)),
            (65535, Some(-256 + 11)),
            (0, None),
            (1, Some(-256 + 11 - 16)),
        ];
        assert_eq!(arrivals(&packet), Ok(expected));
        // One-bit symbols: received, lost, received.
        let packet = feedback(3, &[0xA8, 0x00, 1, 2]);
        let expected = vec![(65534, Some(-255)), (65535, None), (0, Some(-253))];
        assert_eq!(arrivals(&packet), Ok(expected));
    }

    #[test]
    fn an_empty_run_is_passed_over_and_a_long_one_cut_at_the_count() {
        let packet = feedback(2, &[0x20, 0, 0x1F, 0xFF]);
        assert_eq!(arrivals(&packet), Ok(vec![(65534, None), (65535, None)]));
        assert_eq!(arrivals(&feedback(0, &[])), Ok(vec![]));
    }

    #[test]
    fn missing_chunks_missing_deltas_and_reserved_symbols_are_malformed() {
        let bad = Err(RtcpError::BadBody);
        assert_eq!(arrivals(&feedback(1, &[])), bad);
        assert_eq!(arrivals(&feedback(5, &[0x20, 5, 1, 1])), bad);
        assert_eq!(arrivals(&feedback(2, &[0x40, 2, 1, 1])), bad);
        assert_eq!(arrivals(&feedback(1, &[0x60, 1, 1, 1])), bad);
        assert_eq!(arrivals(&feedback(1, &[0xF0, 0, 1, 1])), bad);
        // A reserved symbol behind the last status means nothing.
        assert!(arrivals(&feedback(1, &[0xDC, 0, 1, 1])).is_ok());
    }
}
