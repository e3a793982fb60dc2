//! Retransmissions with a stream of their own, RFC 4588.

use crate::rtp::{PAYLOAD_TYPE, RtpHeader, SEQUENCE_NUMBER, SSRC};

/// Length of the original sequence number in front of the payload, section 4.
pub const OSN_LEN: usize = 2;

/// Turns a retransmission into the packet that it repeats, in place: header and extensions move
/// over the original sequence number.
///
/// Returns the header of that packet, which begins [`OSN_LEN`] bytes behind the start of `packet`;
/// `None`, and nothing changed, when the payload is too short to be one. `header` is that of
/// `packet`.
pub fn restore(
    packet: &mut [u8],
    header: &RtpHeader,
    ssrc: u32,
    payload_type: u8,
) -> Option<RtpHeader> {
    let start = usize::from(header.payload_start);
    let number = *header.payload(packet).first_chunk::<OSN_LEN>()?;
    packet.copy_within(..start, OSN_LEN);
    let restored = &mut packet[OSN_LEN..];
    restored[SEQUENCE_NUMBER..SEQUENCE_NUMBER + 2].copy_from_slice(&number);
    restored[SSRC..SSRC + 4].copy_from_slice(&ssrc.to_be_bytes());
    restored[PAYLOAD_TYPE] = restored[PAYLOAD_TYPE] & 0x80 | payload_type;
    Some(RtpHeader {
        sequence_number: u16::from_be_bytes(number),
        ssrc,
        payload_type,
        payload_len: header.payload_len - OSN_LEN as u16,
        ..*header
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extension with one element, payload of OSN 0x0102 and three bytes, two bytes of padding.
    const RETRANSMISSION: [u8; 29] = [
        0xb0, 0xe1, 0x00, 0x07, 0, 0, 0, 9, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0, 1, 2,
        0xaa, 0xbb, 0xcc, 0, 0, 0, 4,
    ];

    #[test]
    fn the_original_packet_is_restored_behind_its_number() {
        let mut packet = RETRANSMISSION;
        let header = RtpHeader::parse(&packet).unwrap();
        let restored = restore(&mut packet, &header, 1, 96).unwrap();
        let bytes = &packet[OSN_LEN..];
        assert_eq!(RtpHeader::parse(bytes), Ok(restored));
        assert_eq!(
            (
                restored.sequence_number,
                restored.ssrc,
                restored.payload_type
            ),
            (0x0102, 1, 96)
        );
        assert!(restored.marker);
        assert_eq!(restored.payload(bytes), [0xaa, 0xbb, 0xcc]);
        assert_eq!(restored.extension(bytes, 1), Some([0x55].as_slice()));
    }

    #[test]
    fn a_payload_without_a_number_is_refused_and_left_alone() {
        let packet = [0x80, 97, 0, 7, 0, 0, 0, 9, 0, 0, 0, 2, 1];
        let mut changed = packet;
        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(restore(&mut changed, &header, 1, 96), None);
        assert_eq!(changed, packet);
    }
}
