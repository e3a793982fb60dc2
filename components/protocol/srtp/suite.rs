//! The ways to protect packets.

use serde::{Deserialize, Serialize};

/// A crypto suite of SRTP and SRTCP (RFC 4568 section 6.2, RFC 7714 section 14.1), by the name that
/// the JavaScript API and SDP have for it.
///
/// The first two encrypt and authenticate in one pass, at a quarter of what the others cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CryptoSuite {
    /// AES-256 in Galois/counter mode: tags of 16 bytes.
    #[serde(rename = "AEAD_AES_256_GCM")]
    AeadAes256Gcm,
    /// AES-128 in Galois/counter mode: tags of 16 bytes.
    #[serde(rename = "AEAD_AES_128_GCM")]
    AeadAes128Gcm,
    /// AES-128 in counter mode with HMAC-SHA1: tags of 10 bytes.
    #[serde(rename = "AES_CM_128_HMAC_SHA1_80")]
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode with HMAC-SHA1: tags of 4 bytes for RTP, of 10 for RTCP.
    #[serde(rename = "AES_CM_128_HMAC_SHA1_32")]
    AesCm128HmacSha1_32,
}

flumen_wire::state! {
    enum CryptoSuite { AeadAes256Gcm, AeadAes128Gcm, AesCm128HmacSha1_80, AesCm128HmacSha1_32 }
}

impl CryptoSuite {
    /// Every suite.
    pub const ALL: [Self; 4] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
    ];

    /// The most bytes that any suite adds to a packet.
    pub const OVERHEAD_MAX: usize = 20;

    /// The suite of a protection profile of DTLS-SRTP (RFC 5764 section 4.1.2, RFC 7714 section
    /// 14.2), by its number.
    pub fn of_profile(profile: u16) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.profile() == profile)
    }

    /// Its number as a protection profile of DTLS-SRTP.
    pub const fn profile(self) -> u16 {
        match self {
            Self::AesCm128HmacSha1_80 => 0x0001,
            Self::AesCm128HmacSha1_32 => 0x0002,
            Self::AeadAes128Gcm => 0x0007,
            Self::AeadAes256Gcm => 0x0008,
        }
    }

    /// Length of the key, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Length of the salt, in bytes.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 12,
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
        }
    }

    /// Length of a master key with its salt, in bytes.
    pub const fn master_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    /// How many bytes longer than an RTP packet the SRTP packet is.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }

    /// How many bytes longer than an RTCP packet the SRTCP packet is.
    pub const fn rtcp_overhead(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16 + 4,
            // RFC 5764 section 4.1.2 has the long tag for RTCP in both.
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 10 + 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn master_keys_have_the_lengths_that_signalling_knows() {
        let lengths = CryptoSuite::ALL.map(CryptoSuite::master_len);
        assert_eq!(lengths, [44, 28, 30, 30]);
    }

    #[test]
    fn no_suite_adds_more_than_the_most() {
        let longest = CryptoSuite::ALL.map(|suite| suite.rtp_overhead().max(suite.rtcp_overhead()));
        assert_eq!(longest.iter().max(), Some(&CryptoSuite::OVERHEAD_MAX));
    }

    #[test]
    fn a_profile_names_its_suite() {
        for suite in CryptoSuite::ALL {
            assert_eq!(CryptoSuite::of_profile(suite.profile()), Some(suite));
        }
        // SRTP_NULL_HMAC_SHA1_80 encrypts nothing.
        assert_eq!(CryptoSuite::of_profile(0x0005), None);
    }
}
