//! The aggregation header of AV1 payloads, RTP Payload Format For AV1 section 4.4.

/// "The first packet of a coded video sequence": such a sequence begins with a key frame.
const N_BIT: u8 = 0x08;

/// Whether a packet with this payload begins a key frame. Unlike the dependency descriptor, which
/// has to be negotiated, the bit is in every packet.
pub fn begins_key_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & N_BIT != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_n_bit_tells_and_an_empty_payload_does_not() {
        assert!(begins_key_frame(&[0x18, 0x0a]));
        assert!(!begins_key_frame(&[0x10, 0x0a]));
        assert!(!begins_key_frame(&[]));
    }
}
