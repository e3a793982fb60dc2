//! Walking a compound packet, RFC 3550 section 6.1.

use super::{
    App, Bye, CongestionFeedback, ExtendedReport, Fir, HEADER_LEN, Nack, Pli, ReceiverReport, Remb,
    RtcpError, RtcpPacket, SenderReport, SourceDescription, TransportFeedback, Unknown, be16,
};

const VERSION: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const COUNT_MASK: u8 = 0x1F;
/// Offset of the length: 32-bit words, not counting the first.
const LENGTH: usize = 2;

/// Packet types, RFC 3550 section 12.1, RFC 4585 section 6.1 and RFC 3611 section 2.
const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const APP: u8 = 204;
const TRANSPORT: u8 = 205;
const PAYLOAD: u8 = 206;
const XR: u8 = 207;

/// Feedback formats of [`TRANSPORT`].
const NACK: u8 = 1;
const CONGESTION: u8 = 11;
const TRANSPORT_CC: u8 = 15;

/// Feedback formats of [`PAYLOAD`].
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION_LAYER: u8 = 15;

/// The packets in a compound, in order, and what is wrong with those that are malformed.
///
/// What follows a packet whose content is wrong is read on: its length tells where that begins.
/// The walk ends with the first packet whose length is wrong, or whose version says that it is no
/// RTCP: no length behind it can be trusted.
///
/// Reduced-size RTCP (RFC 5506) is legal, so any type may come first. Padding is accepted on any
/// packet, though RFC 3550 section 6.4.1 keeps it for the last: transport-wide feedback is padded
/// to whole words wherever it stands.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let packet = split(rest).and_then(|(packet, behind)| {
            self.rest = behind;
            dispatch(unpack(packet)?)
        });
        Some(packet)
    }
}

/// The first packet, and what follows it.
fn split(compound: &[u8]) -> Result<(&[u8], &[u8]), RtcpError> {
    let words = be16(compound, LENGTH).ok_or(RtcpError::TooShort)?;
    if compound[0] >> 6 != VERSION {
        return Err(RtcpError::BadVersion);
    }
    let len = HEADER_LEN + 4 * usize::from(words);
    compound.split_at_checked(len).ok_or(RtcpError::TooShort)
}

/// A packet without its header and padding.
fn unpack(packet: &[u8]) -> Result<Unknown<'_>, RtcpError> {
    let [flags, packet_type, _, _, body @ ..] = packet else {
        return Err(RtcpError::TooShort);
    };
    Ok(Unknown {
        packet_type: *packet_type,
        count: flags & COUNT_MASK,
        body: without_padding(flags & PADDING_BIT != 0, body)?,
    })
}

fn without_padding(is_padded: bool, body: &[u8]) -> Result<&[u8], RtcpError> {
    if !is_padded {
        return Ok(body);
    }
    let padding = usize::from(*body.last().ok_or(RtcpError::BadPadding)?);
    if padding == 0 {
        return Err(RtcpError::BadPadding);
    }
    let len = body
        .len()
        .checked_sub(padding)
        .ok_or(RtcpError::BadPadding)?;
    Ok(&body[..len])
}

/// The view of a packet's type over its body.
fn dispatch(packet: Unknown<'_>) -> Result<RtcpPacket<'_>, RtcpError> {
    let Unknown { count, body, .. } = packet;
    let view = match (packet.packet_type, count) {
        (SR, _) => SenderReport::parse(count, body).map(RtcpPacket::SenderReport),
        (RR, _) => ReceiverReport::parse(count, body).map(RtcpPacket::ReceiverReport),
        (SDES, _) => SourceDescription::parse(count, body).map(RtcpPacket::SourceDescription),
        (BYE, _) => Bye::parse(count, body).map(RtcpPacket::Bye),
        (APP, _) => App::parse(count, body).map(RtcpPacket::App),
        (XR, _) => ExtendedReport::parse(body).map(RtcpPacket::ExtendedReport),
        (TRANSPORT, NACK) => Nack::parse(body).map(RtcpPacket::Nack),
        (TRANSPORT, TRANSPORT_CC) => {
            TransportFeedback::parse(body).map(RtcpPacket::TransportFeedback)
        }
        (TRANSPORT, CONGESTION) => {
            CongestionFeedback::parse(body).map(RtcpPacket::CongestionFeedback)
        }
        (PAYLOAD, PLI) => Pli::parse(body).map(RtcpPacket::Pli),
        (PAYLOAD, FIR) => Fir::parse(body).map(RtcpPacket::Fir),
        (PAYLOAD, APPLICATION_LAYER) if Remb::is_in(body) => {
            Remb::parse(body).map(RtcpPacket::Remb)
        }
        _ => Some(RtcpPacket::Unknown(packet)),
    };
    view.ok_or(RtcpError::BadBody)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(compound: &[u8]) -> Vec<Result<RtcpPacket<'_>, RtcpError>> {
        packets(compound).collect()
    }

    #[test]
    fn packets_follow_each_other() {
        let compound = [0x81, 250, 0, 1, 1, 2, 3, 4, 0x80, 251, 0, 0];
        let unknown = |packet_type, count, body| {
            Ok(RtcpPacket::Unknown(Unknown {
                packet_type,
                count,
                body,
            }))
        };
        assert_eq!(
            walk(&compound),
            [unknown(250, 1, &[1, 2, 3, 4][..]), unknown(251, 0, &[])]
        );
        assert_eq!(walk(&[]), []);
    }

    #[test]
    fn the_walk_ends_with_the_first_packet_of_a_wrong_length_or_version() {
        let compound = [0x80, 250, 0, 0, 0x40, 250, 0, 0, 0x80, 250, 0, 0];
        let walked = walk(&compound);
        assert_eq!(walked.len(), 2);
        assert_eq!(walked[1], Err(RtcpError::BadVersion));
        assert_eq!(walk(&[0x80, 250, 0]), [Err(RtcpError::TooShort)]);
        assert_eq!(walk(&[0x80, 250, 0, 1, 0]), [Err(RtcpError::TooShort)]);
    }

    #[test]
    fn what_follows_a_packet_of_wrong_content_is_walked() {
        // An SR without anything, a packet of nothing but wrong padding.
        let compound = [0x80, SR, 0, 0, 0xA0, 250, 0, 1, 0, 0, 0, 0, 0x80, 250, 0, 0];
        let walked = walk(&compound);
        let wrong = [Err(RtcpError::BadBody), Err(RtcpError::BadPadding)];
        assert_eq!(walked[..2], wrong);
        assert!(walked.len() == 3 && walked[2].is_ok());
    }

    #[test]
    fn padding_is_stripped_or_refused() {
        let body_len = |padding: [u8; 4]| {
            let compound = [&[0xA0, 250, 0, 2, 1, 2, 3, 4][..], &padding].concat();
            match walk(&compound)[0] {
                Ok(RtcpPacket::Unknown(unknown)) => Ok(unknown.body.len()),
                Ok(_) => panic!("250 is unknown"),
                Err(error) => Err(error),
            }
        };
        assert_eq!(body_len([0, 0, 0, 4]), Ok(4));
        assert_eq!(body_len([0, 0, 0, 1]), Ok(7));
        assert_eq!(body_len([0, 0, 0, 8]), Ok(0));
        assert_eq!(body_len([0, 0, 0, 9]), Err(RtcpError::BadPadding));
        assert_eq!(body_len([0, 0, 0, 0]), Err(RtcpError::BadPadding));
        assert_eq!(walk(&[0xA0, 250, 0, 0]), [Err(RtcpError::BadPadding)]);
    }
}
