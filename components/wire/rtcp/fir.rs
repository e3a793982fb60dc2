//! Full intra request, RFC 5104 section 4.3.1.

use rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;

use super::write::{append, close};
use super::{FEEDBACK_SSRCS_LEN, Row, Rows, be32};

/// Offset of the sequence number in an entry.
const SEQUENCE_NUMBER: usize = 4;

/// Key frames are asked for, of one or more streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    entries: &'a [u8],
}

/// One stream of a [`Fir`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirEntry {
    /// The stream that is asked for a key frame.
    pub ssrc: u32,
    /// Changes with each new request and stays in repetitions.
    pub sequence_number: u8,
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        // The media SSRC of the message is not used: the entries name the streams.
        let (_, entries) = body.split_at_checked(FEEDBACK_SSRCS_LEN)?;
        let whole = entries.len().is_multiple_of(FirEntry::LEN);
        whole.then_some(Self {
            sender_ssrc: be32(body, 0)?,
            entries,
        })
    }

    /// The streams that are asked for a key frame.
    pub fn entries(&self) -> Rows<'a, FirEntry> {
        Rows::new(self.entries)
    }
}

impl Row for FirEntry {
    /// SSRC, sequence number and three reserved bytes.
    const LEN: usize = 8;

    fn read(row: &[u8]) -> Option<Self> {
        Some(Self {
            ssrc: be32(row, 0)?,
            sequence_number: *row.get(SEQUENCE_NUMBER)?,
        })
    }
}

/// Appends a FIR for one stream: 20 bytes.
///
/// The media SSRC stands in the entry and, though unused there by RFC 5104, in the message.
pub fn write_fir(out: &mut Vec<u8>, sender_ssrc: u32, media_ssrc: u32, sequence_number: u8) {
    let fir = Vec::new();
    let start = append(
        out,
        &FullIntraRequest {
            sender_ssrc,
            media_ssrc,
            fir,
        },
    );
    out.extend_from_slice(&media_ssrc.to_be_bytes());
    out.extend_from_slice(&[sequence_number, 0, 0, 0]);
    close(out, start);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    #[test]
    fn what_is_written_is_read() {
        let mut out = vec![0xEE];
        write_fir(&mut out, 1, 2, 3);
        let expected = [
            0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 3, 0, 0, 0,
        ];
        assert_eq!(out[1..], expected);
        let Some(Ok(RtcpPacket::Fir(fir))) = packets(&out[1..]).next() else {
            panic!("a FIR");
        };
        let entry = FirEntry {
            ssrc: 2,
            sequence_number: 3,
        };
        assert_eq!(fir.sender_ssrc, 1);
        assert_eq!(fir.entries().collect::<Vec<_>>(), [entry]);
    }

    #[test]
    fn half_an_entry_is_malformed() {
        let mut out = Vec::new();
        write_fir(&mut out, 1, 2, 3);
        for words in 0..4 {
            let mut cut = out[..4 + 4 * usize::from(words)].to_vec();
            cut[3] = words;
            let walked = packets(&cut).next().unwrap();
            // Two words are the SSRCs alone: no stream is asked.
            assert_eq!(walked.is_ok(), words == 2, "{words} words");
            assert!(walked.is_ok() || walked == Err(RtcpError::BadBody));
        }
    }
}
