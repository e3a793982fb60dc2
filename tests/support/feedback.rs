//! RTCP packets that receivers send, byte by byte.

const FEEDBACK: u8 = 0x80;
const PAYLOAD_SPECIFIC: u8 = 206;

/// A picture loss indication for `media` (RFC 4585 section 6.3.1).
pub fn pli(media: u32) -> Vec<u8> {
    packet(FEEDBACK | 1, PAYLOAD_SPECIFIC, &[1, media])
}

/// A full intra request with an entry for each of `media` (RFC 5104 section 4.3.1).
pub fn fir(media: &[u32]) -> Vec<u8> {
    let entries = media.iter().flat_map(|&ssrc| [ssrc, 0]);
    let words: Vec<u32> = [1, 0].into_iter().chain(entries).collect();
    packet(FEEDBACK | 4, PAYLOAD_SPECIFIC, &words)
}

/// An RTCP packet (RFC 3550 section 6.4): first byte, packet type, and words behind the header.
pub fn packet(first: u8, packet_type: u8, words: &[u32]) -> Vec<u8> {
    let mut bytes = vec![first, packet_type];
    bytes.extend((words.len() as u16).to_be_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    bytes
}
