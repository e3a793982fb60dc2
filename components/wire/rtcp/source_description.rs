//! Source descriptions, RFC 3550 section 6.5: only the CNAME means something here.

use rtcp::header::PacketType;

use super::write::{close, open};

/// Item types, RFC 3550 section 12.2.
const END: u8 = 0;
const CNAME: u8 = 1;

/// Longest text of an item.
const TEXT_LEN_MAX: usize = 255;

/// Names of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceDescription<'a> {
    chunks: &'a [u8],
    count: u8,
}

/// What one source is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: u32,
    /// The name that its streams share, in UTF-8 if the sender keeps to the RFC.
    pub cname: Option<&'a [u8]>,
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let description = Self {
            chunks: body,
            count,
        };
        let whole = description.chunks().count() == usize::from(count);
        whole.then_some(description)
    }

    /// One for each source.
    pub fn chunks(&self) -> SdesChunks<'a> {
        SdesChunks {
            rest: self.chunks,
            left: self.count,
        }
    }
}

/// See [`SourceDescription::chunks`].
#[derive(Clone, Debug)]
pub struct SdesChunks<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> Iterator for SdesChunks<'a> {
    type Item = SdesChunk<'a>;

    fn next(&mut self) -> Option<SdesChunk<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (ssrc, mut rest) = self.rest.split_first_chunk()?;
        let mut cname = None;
        while let Some((kind, text)) = take_item(&mut rest)? {
            if kind == CNAME && cname.is_none() {
                cname = Some(text);
            }
        }
        // Null bytes fill the chunk up to a whole word.
        let len = (self.rest.len() - rest.len()).next_multiple_of(4);
        self.rest = self.rest.get(len..)?;
        Some(SdesChunk {
            ssrc: u32::from_be_bytes(*ssrc),
            cname,
        })
    }
}

/// The next item of a chunk, or `Some(None)` for its end; `None` when it is cut off.
fn take_item<'a>(rest: &mut &'a [u8]) -> Option<Option<(u8, &'a [u8])>> {
    let (&kind, behind) = rest.split_first()?;
    if kind == END {
        *rest = behind;
        return Some(None);
    }
    let (&len, behind) = behind.split_first()?;
    let (text, behind) = behind.split_at_checked(len.into())?;
    *rest = behind;
    Some(Some((kind, text)))
}

/// Appends a source description with the CNAME of one source; of `cname`, at most 255 bytes.
///
/// Written here and not by the `rtcp` crate, whose chunks end in the number of bytes that fill
/// them up where RFC 3550 wants null bytes.
pub fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &[u8]) {
    let cname = &cname[..cname.len().min(TEXT_LEN_MAX)];
    let start = open(out, PacketType::SourceDescription, 1);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&[CNAME, cname.len() as u8]);
    out.extend_from_slice(cname);
    let len_with_end = out.len() - start + 1;
    out.resize(start + len_with_end.next_multiple_of(4), END);
    close(out, start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    fn cnames(compound: &[u8]) -> Result<Vec<(u32, Option<&[u8]>)>, RtcpError> {
        match packets(compound).next().unwrap()? {
            RtcpPacket::SourceDescription(description) => Ok(description
                .chunks()
                .map(|chunk| (chunk.ssrc, chunk.cname))
                .collect()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read_at_every_alignment() {
        for len in 0..300 {
            let mut out = vec![];
            write_cname(&mut out, 9, &vec![b'n'; len]);
            let name = vec![b'n'; len.min(255)];
            assert_eq!(cnames(&out), Ok(vec![(9, Some(&name[..]))]));
            assert_eq!(out.last(), Some(&0));
        }
    }

    #[test]
    fn chunks_follow_each_other_and_other_items_are_skipped() {
        let compound = [
            0x82, 202, 0, 6, 0, 0, 0, 1, 2, 1, b'x', 1, 2, b'a', b'b', 0, //
            0, 0, 0, 2, 2, 1, b'y', 0, 0, 0, 0, 0,
        ];
        let expected = vec![(1, Some(&b"ab"[..])), (2, None)];
        assert_eq!(cnames(&compound), Ok(expected));
    }

    #[test]
    fn lying_counts_and_lengths_are_malformed() {
        let bad = Err(RtcpError::BadBody);
        // Two chunks promised; no end of the items; a text past the chunk.
        assert_eq!(cnames(&[0x82, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]), bad);
        assert_eq!(cnames(&[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 0, 0]), bad);
        assert_eq!(cnames(&[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 0, 0]), bad);
        assert_eq!(cnames(&[0x80, 202, 0, 0]), Ok(vec![]));
    }
}
