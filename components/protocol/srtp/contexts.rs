//! What two contexts open of each other, whatever the network does.

use proptest::prelude::*;

use super::vectors::{BOUNDS, contexts, hex, master, open, open_rtcp, seal, seal_rtcp};
use super::*;

/// A packet of payload type 96.
fn rtp(ssrc: u32, number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(number.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
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
