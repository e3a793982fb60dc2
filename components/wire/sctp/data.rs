//! DATA, RFC 9260 section 3.3.1.

use super::{Chunk, be16, be32, kind};

const ENDING: u8 = 1;
const BEGINNING: u8 = 2;
const UNORDERED: u8 = 4;

/// A fragment of a message, or a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Transmission sequence number.
    pub tsn: u32,
    /// Stream identifier.
    pub stream: u16,
    /// Stream sequence number; means nothing when unordered.
    pub sequence: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// Whether it may overtake others of its stream.
    pub unordered: bool,
    /// Whether a message begins here.
    pub beginning: bool,
    /// Whether a message ends here.
    pub ending: bool,
    /// User data.
    pub payload: &'a [u8],
}

impl<'a> Data<'a> {
    /// Where the stream sequence number stands behind the start of the chunk, in bytes.
    pub const SEQUENCE: usize = 10;
    /// Bytes in front of the user data, chunk header included.
    pub const HEADER_LEN: usize = 16;
    /// The same without the chunk header.
    pub const FIXED_LEN: usize = 12;

    /// Reads a DATA chunk; `None` if it is another one, or has no user data.
    pub fn of(chunk: &Chunk<'a>) -> Option<Self> {
        if chunk.kind != kind::DATA {
            return None;
        }
        let payload = chunk
            .value
            .get(12..)
            .filter(|payload| !payload.is_empty())?;
        Some(Self {
            tsn: be32(chunk.value, 0)?,
            stream: be16(chunk.value, 4)?,
            sequence: be16(chunk.value, 6)?,
            ppid: be32(chunk.value, 8)?,
            unordered: chunk.flags & UNORDERED != 0,
            beginning: chunk.flags & BEGINNING != 0,
            ending: chunk.flags & ENDING != 0,
            payload,
        })
    }

    /// Whether it is only a part of a message.
    pub fn is_fragment(&self) -> bool {
        !(self.beginning && self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_read() {
        let value = [0, 0, 0, 9, 0, 2, 0, 3, 0, 0, 0, 51, 7];
        let chunk = Chunk {
            kind: kind::DATA,
            flags: UNORDERED | BEGINNING,
            value: &value,
            start: 12,
        };
        let data = Data::of(&chunk).unwrap();
        assert_eq!(
            (data.tsn, data.stream, data.sequence, data.ppid),
            (9, 2, 3, 51)
        );
        assert!(data.unordered && data.beginning && !data.ending);
        assert_eq!(data.payload, [7]);
        assert!(data.is_fragment());
        let whole = Data {
            ending: true,
            ..data
        };
        assert!(!whole.is_fragment());
        let without_user_data = Chunk {
            value: &value[..12],
            ..chunk
        };
        assert_eq!(Data::of(&without_user_data), None);
    }
}
