//! Appending RTCP packets to a buffer, without allocating.
//!
//! A list inside a struct of the `rtcp` crate would be an allocation for each packet. So its
//! packets are appended with their lists empty, the entries follow, and count and length are set
//! when the end is known.

use rtcp::header::{Header, PacketType};
use rtcp::packet::Packet;
use webrtc_util::marshal::Marshal;

use super::HEADER_LEN;

/// Offset of the length: 32-bit words, not counting the first.
const LENGTH: usize = 2;
const PADDING_BIT: u8 = 0x20;

/// Appends `packet` and returns where it begins.
pub(super) fn append<P: Packet>(out: &mut Vec<u8>, packet: &P) -> usize {
    let size = packet.marshal_size();
    append_bytes(out, packet, size)
}

/// Appends a bare header and returns where it begins; [`close`] completes it.
pub(super) fn open(out: &mut Vec<u8>, packet_type: PacketType, count: u8) -> usize {
    let header = Header {
        padding: false,
        count,
        packet_type,
        length: 0,
    };
    append_bytes(out, &header, HEADER_LEN)
}

fn append_bytes(out: &mut Vec<u8>, packet: &impl Marshal, size: usize) -> usize {
    let start = out.len();
    out.resize(start + size, 0);
    let written = packet.marshal_to(&mut out[start..]);
    debug_assert!(written.is_ok(), "the buffer has the size asked for");
    start
}

/// Sets the length of the packet at `start`, which ends where `out` ends.
pub(super) fn close(out: &mut [u8], start: usize) {
    set_words(out, start);
}

/// Sets the number of 32-bit words, the first not counted, from `start` to the end of `out`.
///
/// Serves packets and the blocks of extended reports alike, whose lengths sit in the same place.
pub(super) fn set_words(out: &mut [u8], start: usize) {
    let len = out.len() - start;
    debug_assert!(len.is_multiple_of(4), "RTCP packets are whole words");
    debug_assert!(len / 4 <= 1 << 16, "an RTCP packet has at most 65536 words");
    let words = (len / 4 - 1) as u16;
    out[start + LENGTH..start + HEADER_LEN].copy_from_slice(&words.to_be_bytes());
}

/// Adds `count` to the five bits of the packet at `start` that are 0 so far.
pub(super) fn set_count(out: &mut [u8], start: usize, count: usize) {
    debug_assert!(count <= super::COUNT_MAX, "a count has five bits");
    out[start] |= count as u8;
}

/// Pads the packet at `start` to whole words, RFC 3550 section 6.4.1, and closes it.
pub(super) fn close_padded(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start;
    let padding = len.next_multiple_of(4) - len;
    if padding != 0 {
        out[start] |= PADDING_BIT;
        out.resize(out.len() + padding - 1, 0);
        out.push(padding as u8);
    }
    close(out, start);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_counts_itself() {
        let mut out = vec![0xEE];
        let start = open(&mut out, PacketType::ApplicationDefined, 3);
        out.extend_from_slice(&[1, 2]);
        close_padded(&mut out, start);
        assert_eq!(out, [0xEE, 0xA3, 204, 0, 1, 1, 2, 0, 2]);
    }

    #[test]
    fn whole_words_are_not_padded() {
        let mut out = vec![];
        let start = open(&mut out, PacketType::ApplicationDefined, 0);
        close_padded(&mut out, start);
        assert_eq!(out, [0x80, 204, 0, 0]);
    }
}
