//! Appending packets of the `rtcp` crate to a buffer.

use rtcp::packet::Packet;

use super::HEADER_LEN;

/// Appends `packet` and returns where it begins.
///
/// Lists inside the struct are left empty and appended behind it, followed by [`close`]: a list in
/// the struct would be an allocation for each packet.
pub(super) fn append<P: Packet>(out: &mut Vec<u8>, packet: &P) -> usize {
    let start = out.len();
    out.resize(start + packet.marshal_size(), 0);
    let written = packet.marshal_to(&mut out[start..]);
    debug_assert!(
        written.is_ok(),
        "the buffer has the size the packet asked for"
    );
    start
}

/// Sets the length of the packet at `start`, which ends where `out` ends on a whole word.
pub(super) fn close(out: &mut [u8], start: usize) {
    debug_assert!(
        (out.len() - start).is_multiple_of(4),
        "RTCP packets are whole words"
    );
    let words = (out.len() - start - HEADER_LEN) / 4;
    if let Some(length) = out.get_mut(start + 2..start + HEADER_LEN) {
        length.copy_from_slice(&(words as u16).to_be_bytes());
    }
}
