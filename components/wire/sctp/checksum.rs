//! The CRC32c of a packet, RFC 9260 section 6.8 and appendix A.

use super::HEADER_LEN;

/// Where the checksum stands; it is sent with its lowest byte first.
const CHECKSUM: std::ops::Range<usize> = 8..12;

/// The checksum of `packet`, taken as if its own field were zero.
pub fn checksum(packet: &[u8]) -> u32 {
    let (before, rest) = packet.split_at(CHECKSUM.start.min(packet.len()));
    let after = rest.get(CHECKSUM.len()..).unwrap_or_default();
    let crc = crc32c::crc32c(before);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    crc32c::crc32c_append(crc, after)
}

/// Whether `packet` carries its own checksum.
pub fn is_sealed(packet: &[u8]) -> bool {
    packet
        .get(CHECKSUM)
        .is_some_and(|field| field == checksum(packet).to_le_bytes())
}

/// Writes the checksum of `packet` into it. A packet without a whole header stays as it is.
pub fn seal(packet: &mut [u8]) {
    if packet.len() >= HEADER_LEN {
        let sum = checksum(packet);
        packet[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720 appendix B.4: 32 bytes of zeros give 0x8a9136aa.
        assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let mut packet = [7; 40];
        seal(&mut packet);
        assert!(is_sealed(&packet));
        for at in 0..packet.len() {
            let mut changed = packet;
            changed[at] ^= 1;
            assert!(!is_sealed(&changed), "byte {at}");
        }
        seal(&mut packet[..11]);
        assert!(!is_sealed(&[]));
    }
}
