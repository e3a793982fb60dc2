//! The fingerprint of a message: CRC-32 (RFC 8489 section 14.7).

/// What the checksum is masked with: "STUN".
const MASK: u32 = 0x5354_554E;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ ((value & 1) * 0xEDB8_8320);
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The fingerprint of what comes before it; the length in the header includes it.
pub fn fingerprint(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| TABLE[(crc as u8 ^ byte) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!0, step) ^ MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_ethernet() {
        assert_eq!(fingerprint(b"123456789") ^ MASK, 0xCBF4_3926);
    }
}
