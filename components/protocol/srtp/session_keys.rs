//! Session keys, derived from a master key: RFC 3711 section 4.3.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::master_key::MasterKey;

/// Which of the two protocols keys are for: the label of the first of three (section 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Rtp = 0,
    Rtcp = 3,
}

/// The keys that packets of one protocol are protected with. Those of AEAD suites do without the
/// second.
pub(super) struct SessionKeys {
    pub(super) cipher: Zeroizing<[u8; 32]>,
    pub(super) auth: Zeroizing<[u8; 20]>,
    pub(super) salt: Zeroizing<[u8; 14]>,
}

impl SessionKeys {
    pub(super) fn derive(master: &MasterKey, protocol: Protocol) -> Self {
        let suite = master.suite();
        let prf = counter_mode(master.key());
        // The shorter salt of AEAD suites is padded on the right (RFC 7714 section 11).
        let mut salt = Zeroizing::new([0; 14]);
        salt[..suite.salt_len()].copy_from_slice(master.salt());
        let mut keys = Self {
            cipher: Zeroizing::new([0; 32]),
            auth: Zeroizing::new([0; 20]),
            salt: Zeroizing::new([0; 14]),
        };
        let first = protocol as u8;
        fill(&prf, &salt, first, &mut keys.cipher[..suite.key_len()]);
        fill(&prf, &salt, first + 1, &mut *keys.auth);
        fill(&prf, &salt, first + 2, &mut keys.salt[..suite.salt_len()]);
        keys
    }
}

/// AES in counter mode with a key of 16 bytes, or of 32 (RFC 6188).
pub(super) fn counter_mode(key: &[u8]) -> EncryptingKey {
    let algorithm = match key.len() {
        16 => &AES_128,
        _ => &AES_256,
    };
    let key = UnboundCipherKey::new(algorithm, key);
    key.and_then(EncryptingKey::ctr)
        .expect("keys have the length of their suite")
}

/// The first bytes that the pseudo-random function gives for `label` (section 4.3.3).
fn fill(prf: &EncryptingKey, salt: &[u8; 14], label: u8, key: &mut [u8]) {
    const LABEL: usize = 7;
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    iv[LABEL] ^= label;
    let iv = EncryptionContext::Iv128(FixedLength::from(iv));
    prf.less_safe_encrypt(key, iv)
        .expect("counter mode takes any length");
}

#[cfg(test)]
mod tests {
    use super::super::suite::CryptoSuite;
    use super::super::vectors::hex;
    use super::*;

    /// RFC 3711 appendix B.3, and libsrtp's own of the three keys of RTCP.
    #[test]
    fn keys_of_counter_mode_are_those_of_rfc_3711() {
        let master = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
        let master = MasterKey::new(CryptoSuite::AesCm128HmacSha1_80, &master).unwrap();
        let keys = SessionKeys::derive(&master, Protocol::Rtp);
        assert_eq!(keys.cipher[..16], hex("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(keys.salt[..], hex("30cbbc08863d8c85d49db34a9ae1"));
        assert_eq!(
            keys.auth[..],
            hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4")
        );
        let keys = SessionKeys::derive(&master, Protocol::Rtcp);
        assert_eq!(keys.cipher[..16], hex("4c1aa45a81f73d61c800bbb00fbb1eaa"));
        assert_eq!(keys.salt[..], hex("9581c7ad87b3e530bf3e4454a8b3"));
        assert_eq!(
            keys.auth[..],
            hex("8d54534feb49ae8e7993a6bd0b844fc323a93dfd")
        );
    }

    /// RFC 6188 section 7.2.
    #[test]
    fn longer_keys_are_those_of_rfc_6188() {
        let prf = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let prf = counter_mode(&prf);
        let salt = hex("3b04803de51ee7c96423ab5b78d2").try_into().unwrap();
        let mut key = [0; 32];
        fill(&prf, &salt, 0, &mut key);
        let expected = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4";
        assert_eq!(key[..], hex(expected));
        let mut key = [0; 14];
        fill(&prf, &salt, 2, &mut key);
        assert_eq!(key[..], hex("fa31791685ca444a9e07c6c64e93"));
    }

    /// RFC 3711 appendix B.2: the keystream, and its carry.
    #[test]
    fn the_keystream_is_that_of_rfc_3711() {
        let key = counter_mode(&hex("2b7e151628aed2a6abf7158809cf4f3c"));
        let mut stream = vec![0; 16 * 0xff02];
        let iv = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000");
        let iv: [u8; 16] = iv.try_into().unwrap();
        let iv = EncryptionContext::Iv128(FixedLength::from(iv));
        key.less_safe_encrypt(&mut stream, iv).unwrap();
        let blocks = |from: usize, to: usize| &stream[16 * from..16 * to];
        let first = "e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab
                     41e95b3bb0a2e8dd477901e4fca894c0";
        assert_eq!(blocks(0, 3), hex(first));
        let last = "ec8cdf7398607cb0f2d21675ea9ea1e4 362b7c3c6773516318a077d7fc5073ae
                    6a2cc3787889374fbeb4c81b17ba6c44";
        assert_eq!(blocks(0xfeff, 0xff02), hex(last));
    }
}
