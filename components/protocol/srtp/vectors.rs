//! What others say packets look like.

use super::cipher::{Cipher, PacketId};
use super::session_keys::SessionKeys;
use super::*;

/// Bytes written in hexadecimal, with spaces anywhere.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub(super) const BOUNDS: Bounds = Bounds::of(16);

pub(super) fn master(suite: CryptoSuite) -> MasterKey {
    let bytes: Vec<u8> = (0..suite.master_len() as u8).collect();
    MasterKey::new(suite, &bytes).unwrap()
}

pub(super) fn contexts(suite: CryptoSuite) -> (Outbound, Inbound) {
    let key = master(suite);
    (Outbound::new(&key, BOUNDS), Inbound::new(&key, BOUNDS))
}

pub(super) fn seal(outbound: &mut Outbound, packet: &[u8]) -> Result<Vec<u8>, SealError> {
    let (header, payload) = packet.split_at(12);
    let mut out = vec![0; payload.len() + outbound.suite().rtp_overhead()];
    outbound.seal_rtp(header, [payload, &[]], &mut out)?;
    Ok([header, &out].concat())
}

pub(super) fn open(inbound: &mut Inbound, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = inbound.open_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

pub(super) fn seal_rtcp(outbound: &mut Outbound, packet: &[u8]) -> Vec<u8> {
    let (header, body) = packet.split_first_chunk().unwrap();
    let mut out = vec![0; body.len() + outbound.suite().rtcp_overhead()];
    let sealed = outbound.seal_rtcp(header, [body, &[]], &mut out);
    sealed.unwrap();
    [header, &out[..]].concat()
}

pub(super) fn open_rtcp(inbound: &mut Inbound, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = inbound.open_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// A cipher with the session keys of RFC 7714 section 16: "Quid pro quo".
fn rfc_7714(suite: CryptoSuite) -> Cipher {
    let mut keys = SessionKeys::derive(&master(suite), session_keys::Protocol::Rtp);
    keys.cipher.copy_from_slice(&Vec::from_iter(0..32));
    keys.salt[..12].copy_from_slice(b"Quid pro quo");
    Cipher::new(suite, &keys)
}

/// RFC 7714 sections 16.1 and 16.2.
#[test]
fn rtp_packets_of_aead_suites_are_those_of_rfc_7714() {
    let packet = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                      69736120 696e2070 61727465 73207472 6573",
    );
    let (ssrc, index) = (0x5501_a0b2, 0xf17b);
    let sealed_by = |suite, expected: &str| {
        let cipher = rfc_7714(suite);
        let (header, payload) = packet.split_at(12);
        let mut out = vec![0; payload.len() + 16];
        let id = PacketId { ssrc, index };
        cipher
            .seal_rtp(id, header, [payload, &[]], &mut out)
            .unwrap();
        assert_eq!(out, hex(expected));
        cipher.open_rtp(id, header, &mut out, 16).unwrap();
        assert_eq!(&out[..payload.len()], payload);
    };
    sealed_by(
        CryptoSuite::AeadAes128Gcm,
        "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
         899d7f27 beb16a91 52cf765e e4390cce",
    );
    sealed_by(
        CryptoSuite::AeadAes256Gcm,
        "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b
         7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
    );
}

/// RFC 7714 sections 17.1 and 17.2.
#[test]
fn rtcp_packets_of_aead_suites_are_those_of_rfc_7714() {
    let header = hex("81c8000d 4d617273").try_into().unwrap();
    let body = hex("4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                    deadbeef deadbeef deadbeef deadbeef deadbeef");
    let (ssrc, index) = (0x4d61_7273, 0x5d4);
    let sealed_by = |suite, expected: &str| {
        let cipher = rfc_7714(suite);
        let mut out = vec![0; body.len() + 20];
        let id = PacketId { ssrc, index };
        cipher
            .seal_rtcp(id, &header, [&body, &[]], &mut out)
            .unwrap();
        assert_eq!(out, hex(expected));
        assert_eq!(cipher.rtcp_word(&out), Ok(0x8000_05d4));
        cipher.open_rtcp(id, &header, &mut out).unwrap();
        assert_eq!(&out[..body.len()], body);
    };
    sealed_by(
        CryptoSuite::AeadAes128Gcm,
        "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
         0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
    sealed_by(
        CryptoSuite::AeadAes256Gcm,
        "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047
         6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
    );
}

/// RFC 7714 section 17.3: authentic, and not encrypted.
#[test]
fn rtcp_that_is_not_encrypted_is_refused() {
    let packet = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                      deadbeef deadbeef deadbeef deadbeef deadbeef
                      841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    );
    for suite in CryptoSuite::ALL {
        let (mut outbound, mut inbound) = contexts(suite);
        let refused = open_rtcp(&mut inbound, &packet);
        assert!(matches!(
            refused,
            Err(OpenError::Unencrypted | OpenError::Forged)
        ));
        let mut sealed = seal_rtcp(&mut outbound, &packet[..32]);
        let word = sealed.len() - if suite.salt_len() == 12 { 4 } else { 14 };
        sealed[word] &= 0x7f;
        assert_eq!(
            open_rtcp(&mut inbound, &sealed),
            Err(OpenError::Unencrypted)
        );
    }
}

/// The packets of libsrtp's own test of its default policy.
#[test]
fn packets_of_counter_mode_are_those_of_libsrtp() {
    let key = hex("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6");
    let key = MasterKey::new(CryptoSuite::AesCm128HmacSha1_80, &key).unwrap();
    let mut outbound = Outbound::new(&key, BOUNDS);
    let packet = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let expected = "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402
                    b78d6acc99ea179b8dbb";
    assert_eq!(seal(&mut outbound, &packet).unwrap(), hex(expected));
    let packet = hex("81c8000bcafebabe abababababababababababababababab");
    seal_rtcp(&mut outbound, &packet);
    let expected = "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8
                    80000001 993e08cd54d6c1230798";
    assert_eq!(seal_rtcp(&mut outbound, &packet), hex(expected));
}
