//! Application-defined packets, RFC 3550 section 6.7.

/// A packet that means something to an application only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App<'a> {
    /// The application's: 0 to 31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Whose packet it is, in ASCII.
    pub name: [u8; 4],
    /// The application's.
    pub data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn parse(subtype: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = body.split_first_chunk()?;
        let (name, data) = rest.split_first_chunk()?;
        Some(Self {
            subtype,
            ssrc: u32::from_be_bytes(*ssrc),
            name: *name,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{RtcpError, RtcpPacket, packets};

    #[test]
    fn ssrc_name_and_data_are_read() {
        let packet = [
            0x83, 204, 0, 3, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 1, 2, 3, 4,
        ];
        let app = App {
            subtype: 3,
            ssrc: 1,
            name: *b"name",
            data: &[1, 2, 3, 4],
        };
        assert_eq!(packets(&packet).next(), Some(Ok(RtcpPacket::App(app))));
    }

    #[test]
    fn one_without_a_name_is_malformed() {
        let packet = [0x83, 204, 0, 1, 0, 0, 0, 1];
        assert_eq!(packets(&packet).next(), Some(Err(RtcpError::BadBody)));
    }
}
