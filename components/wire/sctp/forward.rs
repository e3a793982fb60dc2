//! FORWARD TSN, RFC 3758 section 3.2.

use super::{Chunk, be16, be32, kind};

/// What was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward<'a> {
    /// Up to here nothing more is to be waited for.
    pub cumulative: u32,
    streams: &'a [u8],
}

/// One stream on which ordered messages were abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Stream identifier.
    pub stream: u16,
    /// The last stream sequence number that was abandoned.
    pub sequence: u16,
}

impl<'a> Forward<'a> {
    /// Bytes in front of the streams, without the chunk header.
    pub const FIXED_LEN: usize = 4;

    /// Reads a FORWARD TSN; `None` if it is another chunk, or a stream is cut short.
    pub fn of(chunk: &Chunk<'a>) -> Option<Self> {
        if chunk.kind != kind::FORWARD_TSN {
            return None;
        }
        let streams = chunk.value.get(Self::FIXED_LEN..)?;
        streams.len().is_multiple_of(4).then_some(())?;
        Some(Self {
            cumulative: be32(chunk.value, 0)?,
            streams,
        })
    }

    /// The streams on which ordered messages were abandoned.
    pub fn streams(&self) -> impl Iterator<Item = Forwarded> + 'a {
        self.streams.chunks_exact(4).filter_map(|pair| {
            Some(Forwarded {
                stream: be16(pair, 0)?,
                sequence: be16(pair, 2)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_whole() {
        let value = [0, 0, 0, 9, 0, 1, 0, 2, 0, 3, 0, 4];
        let forward = |value| {
            Forward::of(&Chunk {
                kind: kind::FORWARD_TSN,
                flags: 0,
                value,
                start: 12,
            })
        };
        let read = forward(&value).unwrap();
        let streams: Vec<_> = read.streams().map(|at| (at.stream, at.sequence)).collect();
        assert_eq!((read.cumulative, streams), (9, vec![(1, 2), (3, 4)]));
        assert_eq!(forward(&value[..10]), None);
        assert_eq!(forward(&value[..3]), None);
    }
}
