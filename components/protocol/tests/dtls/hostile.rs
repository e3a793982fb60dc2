//! Anything at all, at any moment of a handshake and after it.

use std::time::Duration;

use flumen_protocol::dtls::{Config, Failure, Role, State};
use flumen_protocol::{Generator, Time};

use crate::pair::{End, Pair, seconds};
use crate::versions::in_1_3;

/// How many handshakes are disturbed; more with `FLUMEN_DISTURBED`.
fn handshakes() -> u64 {
    let asked = std::env::var("FLUMEN_DISTURBED").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(60)
}

/// Changes `datagram` somehow.
fn disturb(datagram: &mut Vec<u8>, generator: &mut Generator) {
    let length = datagram.len() as u32;
    let at = generator.within(0..=length.max(1) - 1) as usize;
    let near = generator.within(0..=30.min(length.max(1) - 1)) as usize;
    match generator.within(0..=7) {
        0 => datagram[at] ^= 1 << generator.within(0..=7),
        1 => datagram.truncate(at),
        2 => datagram[near] = generator.within(0..=255) as u8,
        3 => datagram[near] = [0, 1, 0x7f, 0xff][generator.within(0..=3) as usize],
        4 => {
            let tail = datagram.split_off(at);
            datagram.extend(tail.iter().rev());
        }
        5 => datagram.extend_from_within(at..),
        6 => datagram.insert(at, generator.within(0..=255) as u8),
        _ => {
            datagram.remove(at);
        }
    }
}

/// Both versions; what arrives is now and then preceded, or replaced, by something else.
fn disturbed(seed: u64, speaks_1_3: bool) -> Pair {
    let mut generator = Generator::new([9; 32], seed);
    let mut pair = Pair::new(Config::default(), Config::default());
    let mut rng = generator.clone();
    let rate = 1 + generator.within(0..=3);
    pair.change = Some(Box::new(move |datagram| {
        let mut copies = vec![datagram.to_vec()];
        if rng.within(0..=rate) == 0 {
            let mut other = datagram.to_vec();
            for _ in 0..=rng.within(0..=3) {
                if !other.is_empty() {
                    disturb(&mut other, &mut rng);
                }
            }
            if rng.within(0..=3) == 0 {
                copies.clear();
            }
            copies.insert(0, other);
        }
        copies
    }));
    if speaks_1_3 {
        in_1_3(&mut pair);
    } else {
        pair.introduce();
    }
    for _ in 0..12 {
        pair.run(Duration::from_millis(300));
        for end in [&mut pair.client, &mut pair.server] {
            let _ = end.connection.send(pair.now, &[7; 50]);
        }
    }
    pair
}

#[test]
fn nothing_that_arrives_makes_a_handshake_panic_or_lie() {
    for seed in 0..handshakes() {
        for speaks_1_3 in [false, true] {
            let pair = disturbed(seed, speaks_1_3);
            if (pair.client.state(), pair.server.state()) == (State::Connected, State::Connected) {
                pair.assert_connected();
            }
            let sent_nothing_else = |payload: &Vec<u8>| payload == &[7; 50];
            assert!(pair.server.payloads.iter().all(sent_nothing_else));
            assert!(pair.client.payloads.iter().all(sent_nothing_else));
        }
    }
}

#[test]
fn a_flood_before_the_handshake_leaves_room_for_it() {
    let mut generator = Generator::new([3; 32], 0);
    let mut pair = Pair::new(Config::default(), Config::default());
    for _ in 0..10_000 {
        let mut noise = vec![0; generator.within(1..=1_200) as usize];
        generator.fill(&mut noise);
        noise[0] = [20, 21, 22, 23, 26, 0x2f][generator.within(0..=5) as usize];
        noise.resize(noise.len().max(13), 0);
        noise[1..5].copy_from_slice(&[0xfe, 0xfd, 0, generator.within(0..=1) as u8]);
        let length = (noise.len() - 13) as u16;
        noise[11..13].copy_from_slice(&length.to_be_bytes());
        let _ = pair.server.connection.receive(Time::ZERO, &noise);
    }
    pair.introduce();
    pair.run(seconds(2));
    pair.assert_connected();
}

/// The ClientHello of a new client.
pub(crate) fn client_hello(seed: u8) -> Vec<u8> {
    let mut stranger = Pair::new(Config::default(), Config::default());
    stranger.client = End::new(&Config::default(), seed);
    stranger.introduce();
    stranger.client.turn(Time::ZERO).remove(0)
}

#[test]
fn client_hellos_of_many_are_answered_a_few_times() {
    let mut pair = Pair::new(Config::default(), Config::default());
    for seed in 100..200 {
        pair.inject_to_server(&client_hello(seed));
    }
    pair.run(seconds(1));
    let answers = pair.server.sent.len();
    assert!((1..=5).contains(&answers), "{answers}");
}

#[test]
fn halves_of_client_hellos_do_not_keep_a_whole_one_out() {
    let mut pair = Pair::new(Config::default(), Config::default());
    for seed in 100..200 {
        let whole = client_hello(seed);
        let mut half = whole[..whole.len() - 60].to_vec();
        let carried = (half.len() - 25) as u16;
        half[11..13].copy_from_slice(&(carried + 12).to_be_bytes());
        half[23..25].copy_from_slice(&carried.to_be_bytes());
        assert_eq!(pair.server.connection.receive(Time::ZERO, &half), Ok(()));
    }
    pair.run(Duration::from_millis(1));
    assert!(pair.server.sent.is_empty());
    pair.introduce();
    pair.run(seconds(1));
    pair.assert_connected();
}

#[test]
fn a_client_without_a_common_srtp_profile_is_told_apart() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let client = pair.client.parameters(Role::Client);
    pair.server.introduce(Time::ZERO, &client);
    let mut hello = client_hello(100);
    let profiles = [0, 14, 0, 11, 0, 8, 0, 7, 0, 8, 0, 1, 0, 2];
    let at = hello
        .windows(14)
        .position(|bytes| bytes == profiles)
        .unwrap();
    hello[at + 6..at + 14].copy_from_slice(&[0, 5, 0, 5, 0, 6, 0, 6]);
    pair.inject_to_server(&hello);
    pair.run(seconds(11));
    assert_eq!(pair.server.failure(), Some(&Failure::NoSrtpProfile));
}
