//! The record layer.

use super::{Malformed, number, take};

/// What a record carries (RFC 8446 section B.1, RFC 9147 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// The cipher of the next epoch is in force.
    ChangeCipherSpec,
    /// A warning, or the end.
    Alert,
    /// Fragments of handshake messages.
    Handshake,
    /// Data of the application.
    ApplicationData,
    /// Acknowledgements of handshake records, DTLS 1.3.
    Ack,
    /// Any other.
    Unknown(u8),
}

impl From<u8> for ContentType {
    fn from(byte: u8) -> Self {
        match byte {
            20 => Self::ChangeCipherSpec,
            21 => Self::Alert,
            22 => Self::Handshake,
            23 => Self::ApplicationData,
            26 => Self::Ack,
            other => Self::Unknown(other),
        }
    }
}

/// A record of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// One whose header says what it carries; protected if its epoch is not 0.
    Plain(PlainRecord<'a>),
    /// A protected one of DTLS 1.3 (RFC 9147 section 4): all of its bytes.
    Unified(&'a [u8]),
}

impl<'a> Record<'a> {
    /// Its bytes, header included.
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Plain(record) => record.bytes,
            Self::Unified(bytes) => bytes,
        }
    }
}

/// A record with the header of RFC 6347 section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainRecord<'a> {
    /// What it carries.
    pub content_type: ContentType,
    /// 0 before keys are agreed on.
    pub epoch: u16,
    /// 48 bits.
    pub sequence: u64,
    /// What it carries, encrypted if its epoch is not 0.
    pub body: &'a [u8],
    /// All of its bytes, header included.
    pub bytes: &'a [u8],
}

/// The records of a datagram; it ends with the first that is not well-formed.
pub fn records(datagram: &[u8]) -> impl Iterator<Item = Result<Record<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let before = rest;
        let read = read(before, &mut rest);
        if read.is_err() {
            rest = &[];
        }
        Some(read)
    })
}

fn read<'a>(before: &'a [u8], rest: &mut &'a [u8]) -> Result<Record<'a>, Malformed> {
    match before.first().ok_or(Malformed)? {
        first if first & 0xe0 == 0x20 => read_unified(*first, before, rest),
        _ => read_plain(before, rest).map(Record::Plain),
    }
}

fn read_plain<'a>(before: &'a [u8], rest: &mut &'a [u8]) -> Result<PlainRecord<'a>, Malformed> {
    let content_type = ContentType::from(number(rest, 1)? as u8);
    // DTLS versions count downwards from 0xfeff; the minor one differs within a handshake.
    if take(rest, 2)?.first() != Some(&0xfe) {
        return Err(Malformed);
    }
    let epoch = number(rest, 2)? as u16;
    let sequence = number(rest, 6)?;
    let body = super::vector(rest, 2)?;
    Ok(PlainRecord {
        content_type,
        epoch,
        sequence,
        body,
        bytes: &before[..before.len() - rest.len()],
    })
}

/// Without connection ids, which are never negotiated.
fn read_unified<'a>(
    first: u8,
    before: &'a [u8],
    rest: &mut &'a [u8],
) -> Result<Record<'a>, Malformed> {
    let has_connection_id = first & 0x10 != 0;
    let long_sequence = first & 0x08 != 0;
    let has_length = first & 0x04 != 0;
    if has_connection_id {
        return Err(Malformed);
    }
    take(rest, if long_sequence { 3 } else { 2 })?;
    if has_length {
        super::vector(rest, 2)?;
    } else {
        *rest = &[];
    }
    Ok(Record::Unified(&before[..before.len() - rest.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_datagram_follow_each_other() {
        let datagram = [
            22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 1, 2, // a handshake
            0x2f, 0, 1, 0, 3, 7, 8, 9, // DTLS 1.3 with a length
            0x22, 1, 9, 9, // and to the end
        ];
        let read: Vec<_> = records(&datagram).collect();
        let Ok(Record::Plain(plain)) = read[0] else {
            panic!("a plain record");
        };
        assert_eq!(plain.content_type, ContentType::Handshake);
        assert_eq!(
            (plain.epoch, plain.sequence, plain.body),
            (0, 5, &[1, 2][..])
        );
        assert_eq!(plain.bytes.len(), 15);
        assert_eq!(read[1], Ok(Record::Unified(&datagram[15..23])));
        assert_eq!(read[2], Ok(Record::Unified(&datagram[23..])));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn a_cut_record_is_refused_at_every_byte() {
        let datagram = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 1, 2];
        for length in 1..datagram.len() {
            let read: Vec<_> = records(&datagram[..length]).collect();
            assert_eq!(read, [Err(Malformed)], "{length}");
        }
    }
}
