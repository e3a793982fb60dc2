//! As much of RTP as moving it takes.

/// Length of the header without anything optional (RFC 3550, section 5.1).
pub(crate) const FIXED_HEADER_LEN: usize = 12;

/// Where the payload of an RTP packet begins (RFC 3550, sections 5.1 and 5.3.1); none where it is no
/// such packet.
pub(crate) fn payload_start(packet: &[u8]) -> Option<usize> {
    let first = *packet.get(..FIXED_HEADER_LEN)?.first()?;
    // RTCP is multiplexed (RFC 5761, section 4).
    if first >> 6 != 2 || (192..224).contains(&packet[1]) {
        return None;
    }
    let extension = FIXED_HEADER_LEN + 4 * usize::from(first & 0x0f);
    let start = match first & 0x10 {
        0 => extension,
        _ => {
            let words = packet.get(extension + 2..)?.first_chunk()?;
            extension + 4 + 4 * usize::from(u16::from_be_bytes(*words))
        }
    };
    (start <= packet.len()).then_some(start)
}
