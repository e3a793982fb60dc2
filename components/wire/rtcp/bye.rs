//! Goodbye, RFC 3550 section 6.6.

use rtcp::header::PacketType;

use super::write::{close, open};
use super::{COUNT_MAX, Row, Rows};

/// Sources leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    sources: &'a [u8],
    /// Why, in words; empty when the sender does not say.
    pub reason: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (sources, rest) = body.split_at_checked(u32::LEN * usize::from(count))?;
        let reason = match rest.split_first() {
            Some((&len, text)) => text.get(..len.into())?,
            None => &[],
        };
        Some(Self { sources, reason })
    }

    /// The SSRCs that leave.
    pub fn sources(&self) -> Rows<'a, u32> {
        Rows::new(self.sources)
    }
}

/// Appends a goodbye without a reason, of the first 31 of `sources`.
pub fn write_bye(out: &mut Vec<u8>, sources: &[u32]) {
    let sources = &sources[..sources.len().min(COUNT_MAX)];
    let start = open(out, PacketType::Goodbye, sources.len() as u8);
    for source in sources {
        out.extend_from_slice(&source.to_be_bytes());
    }
    close(out, start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    #[test]
    fn what_is_written_is_read() {
        let mut out = vec![];
        write_bye(&mut out, &[1, 2]);
        assert_eq!(out, [0x82, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        let Some(Ok(RtcpPacket::Bye(bye))) = packets(&out).next() else {
            panic!("a goodbye");
        };
        assert_eq!(bye.sources().collect::<Vec<_>>(), [1, 2]);
        assert!(bye.reason.is_empty());
    }

    #[test]
    fn a_reason_is_read_or_refused() {
        let read = |len| match packets(&[0x80, 203, 0, 1, len, b'h', b'i', 0]).next() {
            Some(Ok(RtcpPacket::Bye(bye))) => Ok(bye.reason.len()),
            other => Err(other == Some(Err(RtcpError::BadBody))),
        };
        assert_eq!(read(2), Ok(2));
        assert_eq!(read(4), Err(true));
        let short = [0x82, 203, 0, 1, 0, 0, 0, 1];
        assert_eq!(packets(&short).next(), Some(Err(RtcpError::BadBody)));
    }
}
