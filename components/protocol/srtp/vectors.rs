//! What others say packets look like, and that nothing else is opened.

use proptest::prelude::*;

use super::cipher::{Cipher, PacketId};
use super::session_keys::SessionKeys;
use super::*;

/// Bytes written in hexadecimal, with spaces anywhere.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

const BOUNDS: Bounds = Bounds::of(16);

fn master(suite: CryptoSuite) -> MasterKey {
    let bytes: Vec<u8> = (0..suite.master_len() as u8).collect();
    MasterKey::new(suite, &bytes).unwrap()
}

fn contexts(suite: CryptoSuite) -> (Outbound, Inbound) {
    let key = master(suite);
    (Outbound::new(&key, BOUNDS), Inbound::new(&key, BOUNDS))
}

/// A packet of payload type 96.
fn rtp(ssrc: u32, number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(number.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn seal(outbound: &mut Outbound, packet: &[u8]) -> Result<Vec<u8>, SealError> {
    let (header, payload) = packet.split_at(12);
    let mut out = vec![0; payload.len() + outbound.suite().rtp_overhead()];
    outbound.seal_rtp(header, [payload, &[]], &mut out)?;
    Ok([header, &out].concat())
}

fn open(inbound: &mut Inbound, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut packet = sealed.to_vec();
    let len = inbound.open_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

fn seal_rtcp(outbound: &mut Outbound, packet: &[u8]) -> Vec<u8> {
    let (header, body) = packet.split_first_chunk().unwrap();
    let mut out = vec![0; body.len() + outbound.suite().rtcp_overhead()];
    let sealed = outbound.seal_rtcp(header, [body, &[]], &mut out);
    sealed.unwrap();
    [header, &out[..]].concat()
}

fn open_rtcp(inbound: &mut Inbound, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
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

#[test]
fn what_was_opened_is_not_opened_again() {
    for suite in CryptoSuite::ALL {
        let (mut outbound, mut inbound) = contexts(suite);
        let packet = rtp(7, 1, b"once");
        let sealed = seal(&mut outbound, &packet).unwrap();
        assert_eq!(open(&mut inbound, &sealed), Ok(packet));
        assert_eq!(open(&mut inbound, &sealed), Err(OpenError::Replayed));
        let newer = seal(&mut outbound, &rtp(7, 1_025, b"newer")).unwrap();
        open(&mut inbound, &newer).unwrap();
        assert_eq!(open(&mut inbound, &sealed), Err(OpenError::TooOld));
        let report = hex("80c90001 00000007");
        let sealed = seal_rtcp(&mut outbound, &report);
        assert_eq!(open_rtcp(&mut inbound, &sealed), Ok(report));
        assert_eq!(open_rtcp(&mut inbound, &sealed), Err(OpenError::Replayed));
    }
}

#[test]
fn a_number_is_sealed_once() {
    for suite in CryptoSuite::ALL {
        let (mut outbound, _) = contexts(suite);
        for number in [1_000, 1_001, 999] {
            seal(&mut outbound, &rtp(7, number, b"first")).unwrap();
            let again = seal(&mut outbound, &rtp(7, number, b"other"));
            assert_eq!(again, Err(SealError::IndexUsed));
        }
        seal(&mut outbound, &rtp(7, 3_000, b"newer")).unwrap();
        let late = seal(&mut outbound, &rtp(7, 998, b"late"));
        assert_eq!(late, Err(SealError::TooOld));
    }
}

#[test]
fn a_stream_that_is_first_heard_past_its_wrap_is_opened() {
    for suite in CryptoSuite::ALL {
        for payload in [&b"past"[..], &[7; 2_000]] {
            let (mut outbound, mut inbound) = contexts(suite);
            let early = seal(&mut outbound, &rtp(7, 0xfff0, payload)).unwrap();
            let packet = rtp(7, 3, payload);
            let sealed = seal(&mut outbound, &packet).unwrap();
            assert_eq!(open(&mut inbound, &sealed), Ok(packet));
            assert_eq!(open(&mut inbound, &early), Ok(rtp(7, 0xfff0, payload)));
        }
    }
}

#[test]
fn more_ssrcs_than_are_remembered_are_refused() {
    let (mut outbound, mut inbound) = contexts(CryptoSuite::AeadAes128Gcm);
    for ssrc in 0..16 {
        let sealed = seal(&mut outbound, &rtp(ssrc, 1, b"")).unwrap();
        open(&mut inbound, &sealed).unwrap();
    }
    let refused = seal(&mut outbound, &rtp(16, 1, b""));
    assert_eq!(refused, Err(SealError::TooManySsrcs));
    let key = master(CryptoSuite::AeadAes128Gcm);
    let mut other = Outbound::new(&key, BOUNDS);
    let sealed = seal(&mut other, &rtp(16, 1, b"")).unwrap();
    assert_eq!(open(&mut inbound, &sealed), Err(OpenError::TooManySsrcs));
    let sealed = seal(&mut other, &rtp(15, 2, b"")).unwrap();
    assert_eq!(open(&mut inbound, &sealed), Ok(rtp(15, 2, b"")));
}

/// Who cannot seal cannot make a context remember an SSRC, or a number.
#[test]
fn a_packet_that_is_not_authentic_leaves_nothing_behind() {
    for suite in CryptoSuite::ALL {
        let (mut outbound, mut inbound) = contexts(suite);
        let forge = |packet: &[u8]| [packet, &vec![0; suite.rtp_overhead()]].concat();
        for ssrc in 100..200 {
            let forged = forge(&rtp(ssrc, 1, b"forged"));
            assert_eq!(open(&mut inbound, &forged), Err(OpenError::Forged));
        }
        for number in [1, 2, 3] {
            let sealed = seal(&mut outbound, &rtp(7, number, b"")).unwrap();
            open(&mut inbound, &sealed).unwrap();
            let forged = forge(&rtp(7, 30_000, b"forged"));
            assert_eq!(open(&mut inbound, &forged), Err(OpenError::Forged));
        }
        let sealed = seal(&mut outbound, &rtp(7, 30_000, b"")).unwrap();
        assert_eq!(open(&mut inbound, &sealed), Ok(rtp(7, 30_000, b"")));
    }
}

#[test]
fn a_key_protects_as_many_packets_as_it_may() {
    let key = master(CryptoSuite::AeadAes256Gcm);
    let bounds = Bounds {
        rtp_packets: 2,
        rtcp_packets: 1,
        ..BOUNDS
    };
    let mut outbound = Outbound::new(&key, bounds);
    for number in 1..=2 {
        seal(&mut outbound, &rtp(7, number, b"")).unwrap();
    }
    let refused = seal(&mut outbound, &rtp(8, 1, b""));
    assert_eq!(refused, Err(SealError::KeyExhausted));
    seal_rtcp(&mut outbound, &hex("80c90001 00000007"));
    let report = hex("80c90001 00000008").try_into().unwrap();
    let refused = outbound.seal_rtcp(&report, [&[], &[]], &mut [0; 20]);
    assert_eq!(refused, Err(SealError::KeyExhausted));
}

#[test]
fn what_is_no_packet_is_neither_sealed_nor_opened() {
    for suite in CryptoSuite::ALL {
        let (mut outbound, mut inbound) = contexts(suite);
        let (packet, space) = (rtp(7, 1, b""), suite.rtp_overhead());
        let mut seal = |header: &[u8], len: usize| {
            let sealed = outbound.seal_rtp(header, [&[], &[]], &mut vec![0; len]);
            sealed.unwrap_err()
        };
        assert_eq!(seal(&packet[..11], space), SealError::Malformed);
        assert_eq!(
            seal(&[&packet[..], &[0]].concat(), space),
            SealError::Malformed
        );
        assert_eq!(seal(&packet, space + 1), SealError::Malformed);
        for len in 0..12 + space {
            let mut short = [&packet[..], &[0; 16]].concat();
            let refused = inbound.open_rtp(&mut short[..len]);
            assert_eq!(refused, Err(OpenError::Malformed));
        }
        for len in 0..8 + suite.rtcp_overhead() {
            let refused = inbound.open_rtcp(&mut vec![0xff; len]);
            assert_eq!(refused, Err(OpenError::Malformed));
        }
    }
}

#[test]
fn keys_are_not_in_debug_output() {
    let (outbound, inbound) = contexts(CryptoSuite::AeadAes128Gcm);
    assert_eq!(
        format!("{outbound:?} {inbound:?}"),
        "Outbound { suite: AeadAes128Gcm, streams: 0, .. } \
         Inbound { suite: AeadAes128Gcm, streams: 0, .. }"
    );
}

#[test]
fn contexts_go_from_thread_to_thread() {
    fn check<T: Send + Sync>() {}
    check::<Inbound>();
    check::<Outbound>();
}

fn suites() -> impl Strategy<Value = CryptoSuite> {
    prop::sample::select(CryptoSuite::ALL.to_vec())
}

proptest! {
    /// A network that loses, reorders and repeats, around rollovers: what is opened is what was
    /// sealed, once, and all of it that is not behind the window.
    #[test]
    fn any_network_delivers_each_packet_once(
        suite in suites(),
        first in 0_u16..0x8000,
        steps in prop::collection::vec((1_u64..3_000, -40_i64..40, 0_usize..4), 1..120),
    ) {
        let (mut outbound, mut inbound) = contexts(suite);
        let mut index = u64::from(first);
        let mut arrivals = Vec::new();
        for (at, (step, delay, copies)) in steps.into_iter().enumerate() {
            let packet = rtp(7, index as u16, &index.to_be_bytes());
            let sealed = seal(&mut outbound, &packet).unwrap();
            for _ in 0..copies {
                arrivals.push((at as i64 + delay, index, packet.clone(), sealed.clone()));
            }
            index += step;
        }
        arrivals.sort_by_key(|arrival| arrival.0);
        let mut highest: Option<u64> = None;
        let mut opened = std::collections::BTreeSet::new();
        for (_, index, packet, sealed) in arrivals {
            let result = open(&mut inbound, &sealed);
            // How often the number began again before the first packet, or in a gap of half its
            // range, is not known: it may be opened or not.
            let newest = highest.unwrap_or(index);
            let is_guess = index.abs_diff(newest) >= 0x8000 || highest.is_none() && index > 0x1_7fff;
            if opened.contains(&index) {
                prop_assert!(matches!(result, Err(OpenError::Replayed | OpenError::TooOld)));
            } else if newest.saturating_sub(index) >= 1_024 && !is_guess {
                prop_assert_eq!(result, Err(OpenError::TooOld));
            } else if !(is_guess && result.is_err()) {
                prop_assert_eq!(result, Ok(packet));
                opened.insert(index);
                highest = Some(newest.max(index));
            }
        }
    }

    #[test]
    fn no_flipped_bit_is_opened(
        suite in suites(),
        payload in prop::collection::vec(any::<u8>(), 0..80),
        at: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let (mut outbound, mut inbound) = contexts(suite);
        open(&mut inbound, &seal(&mut outbound, &rtp(7, 1, b"")).unwrap()).unwrap();
        let packet = rtp(7, 2, &payload);
        let sealed = seal(&mut outbound, &packet).unwrap();
        let mut flipped = sealed.clone();
        flipped[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(open(&mut inbound, &flipped).is_err());
        prop_assert_eq!(open(&mut inbound, &sealed), Ok(packet));

        let report = [&hex("80c90001 00000007")[..], &payload].concat();
        let sealed = seal_rtcp(&mut outbound, &report);
        let mut flipped = sealed.clone();
        flipped[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(open_rtcp(&mut inbound, &flipped).is_err());
        prop_assert_eq!(open_rtcp(&mut inbound, &sealed), Ok(report));
    }

    /// However its payload is divided, and whatever its header holds.
    #[test]
    fn a_packet_in_parts_is_sealed_like_the_whole(
        suite in suites(),
        csrcs in 0_u8..16,
        words in prop::option::of(0_u8..8),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        cut: prop::sample::Index,
    ) {
        let mut header = rtp(7, 1, &vec![9; usize::from(csrcs) * 4]);
        header[0] |= csrcs;
        if let Some(words) = words {
            header[0] |= 0x10;
            header.extend([0xbe, 0xde, 0, words]);
            header.extend(vec![0; usize::from(words) * 4]);
        }
        let whole = [&header[..], &payload].concat();
        let sealed = |parts| {
            let mut out = vec![0; payload.len() + suite.rtp_overhead()];
            let (mut outbound, mut inbound) = contexts(suite);
            outbound.seal_rtp(&header, parts, &mut out).unwrap();
            let sealed = [&header[..], &out].concat();
            assert_eq!(open(&mut inbound, &sealed).unwrap(), whole);
            sealed
        };
        let (first, second) = payload.split_at(cut.index(payload.len() + 1));
        prop_assert_eq!(sealed([first, second]), sealed([&payload, &[]]));
    }
}
