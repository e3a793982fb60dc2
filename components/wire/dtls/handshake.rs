//! Handshake messages and their fragments, RFC 6347 section 4.2.2.

use super::{Malformed, number, take};

/// The kinds of handshake messages that anybody here asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// What a client offers.
    ClientHello,
    /// Any other, by its number.
    Other(u8),
}

impl MessageKind {
    /// Its number in the registry.
    pub fn number(self) -> u8 {
        match self {
            Self::ClientHello => 1,
            Self::Other(number) => number,
        }
    }
}

/// A fragment of a handshake message, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Of which message.
    pub kind: MessageKind,
    /// Bytes of the whole message, below 2^24.
    pub length: usize,
    /// Which message of the handshake it is.
    pub message_sequence: u16,
    /// Where in the message it belongs.
    pub offset: usize,
    /// What it carries; it ends within the message.
    pub body: &'a [u8],
}

impl Fragment<'_> {
    /// Where in the message it ends.
    pub fn end(&self) -> usize {
        self.offset + self.body.len()
    }
}

/// The fragments that an unprotected record carries; it ends with the first that is not
/// well-formed.
pub fn fragments(body: &[u8]) -> impl Iterator<Item = Result<Fragment<'_>, Malformed>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = read(&mut rest);
        if read.is_err() {
            rest = &[];
        }
        Some(read)
    })
}

fn read<'a>(rest: &mut &'a [u8]) -> Result<Fragment<'a>, Malformed> {
    let kind = match number(rest, 1)? as u8 {
        1 => MessageKind::ClientHello,
        other => MessageKind::Other(other),
    };
    let length = number(rest, 3)? as usize;
    let message_sequence = number(rest, 2)? as u16;
    let offset = number(rest, 3)? as usize;
    let carried = number(rest, 3)? as usize;
    let body = take(rest, carried)?;
    let fragment = Fragment {
        kind,
        length,
        message_sequence,
        offset,
        body,
    };
    (fragment.end() <= length)
        .then_some(fragment)
        .ok_or(Malformed)
}

/// Writes a handshake message of a kind as one unprotected record that is not fragmented; 16,384
/// bytes at most.
pub fn write_message(kind: u8, message: u16, body: &[u8], sequence: u64, out: &mut Vec<u8>) {
    let [.., a, b, c] = body.len().to_be_bytes();
    let [high, low] = message.to_be_bytes();
    out.extend([22, 0xfe, 0xfd, 0, 0]);
    out.extend(&sequence.to_be_bytes()[2..]);
    out.extend(((body.len() + 12) as u16).to_be_bytes());
    out.extend([kind, a, b, c, high, low, 0, 0, 0, a, b, c]);
    out.extend(body);
}

#[cfg(test)]
mod tests {
    use super::super::{Record, records};
    use super::*;

    #[test]
    fn what_is_written_whole_is_read_back() {
        let hello = vec![7; 1_500];
        let mut record = Vec::new();
        write_message(1, 0, &hello, 3, &mut record);
        let Some(Ok(Record::Plain(plain))) = records(&record).next() else {
            panic!("a record");
        };
        assert_eq!(plain.sequence, 3);
        let read: Vec<_> = fragments(plain.body).collect();
        let expected = Fragment {
            kind: MessageKind::ClientHello,
            length: 1_500,
            message_sequence: 0,
            offset: 0,
            body: &hello,
        };
        assert_eq!(read, [Ok(expected)]);
    }

    #[test]
    fn a_fragment_that_leaves_its_message_is_refused() {
        let beyond = [1, 0, 0, 4, 0, 0, 0, 0, 3, 0, 0, 2, 9, 9];
        assert_eq!(fragments(&beyond).next(), Some(Err(Malformed)));
        let within = [1, 0, 0, 5, 0, 0, 0, 0, 3, 0, 0, 2, 9, 9];
        assert!(fragments(&within).all(|fragment| fragment.is_ok()));
    }
}
