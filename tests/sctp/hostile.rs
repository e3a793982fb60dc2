//! What a peer, or somebody else, may say without harm.

use std::time::Duration;

use flumen::components::wire::sctp::{HEADER_LEN, Init, chunks, kind, seal};
use flumen::sctp::{AssociationEvent, Config, Failure, Refused, SendRefused, State};
use flumen_tests::forger::{Forger, forge, init, reset};
use flumen_tests::{Ends, Noise, Stack, message};

/// Each implementation once.
fn stacks() -> impl Iterator<Item = Stack> {
    let mirrored = Stack::PAIRS.iter().filter(|pair| pair[0] == pair[1]);
    mirrored.map(|pair| pair[0])
}

const WHOLE: u8 = 3;
const BEGINNING: u8 = 2;

/// Datagrams with every chunk type that there is.
fn corpus(forger: &Forger) -> Vec<Vec<u8>> {
    let tsn = forger.tsn.to_be_bytes();
    let data = forger.data(1, 0, b"payload");
    let sack = [
        &tsn[..],
        &[0, 1, 0, 0, 0, 2, 0, 1, 0, 2, 0, 3, 0, 5, 0, 9],
        &tsn,
    ]
    .concat();
    let forward = [&tsn[..], &[0, 1, 0, 0, 0, 2, 0, 7]].concat();
    let request = reset(forger.tsn, forger.tsn.wrapping_sub(1), &[1, 2, 3]);
    let response = [0, 16, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1];
    let heartbeat = [0, 1, 0, 8, 1, 2, 3, 4];
    let cause = [0, 12, 0, 8, 1, 2, 3, 4];
    let opening = init(7, 9);
    let cookie = [&opening[..], &[0, 7, 0, 8, 1, 2, 3, 4]].concat();
    let each: [(u8, u8, &[u8]); 17] = [
        (kind::DATA, WHOLE, &data),
        (kind::DATA, BEGINNING | 4, &data),
        (kind::INIT, 0, &opening),
        (kind::INIT_ACK, 0, &cookie),
        (kind::SACK, 0, &sack),
        (kind::HEARTBEAT, 0, &heartbeat),
        (kind::HEARTBEAT_ACK, 0, &heartbeat),
        (kind::ABORT, 0, &cause),
        (kind::SHUTDOWN, 0, &tsn),
        (kind::SHUTDOWN_ACK, 0, &[]),
        (kind::ERROR, 0, &cause),
        (kind::COOKIE_ECHO, 0, &cause),
        (kind::COOKIE_ACK, 0, &[]),
        (kind::SHUTDOWN_COMPLETE, 0, &[]),
        (kind::RE_CONFIG, 0, &request),
        (kind::RE_CONFIG, 0, &response),
        (kind::FORWARD_TSN, 0, &forward),
    ];
    let mut corpus: Vec<_> = each.iter().map(|chunk| forger.packet(&[*chunk])).collect();
    corpus.push(forge(0, &[(kind::INIT, 0, &opening)]));
    corpus.push(forger.packet(&each[..2]));
    corpus
}

/// Alters a datagram, or cuts it, and gives it a right checksum.
fn mutate(datagram: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..noise.below(4) {
        let at = noise.below(datagram.len() as u64) as usize;
        // The tag stays: who does not know it does not come so far.
        if !(4..8).contains(&at) {
            datagram[at] = noise.bits() as u8;
        }
    }
    match noise.below(8) {
        0 => datagram.truncate(noise.below(datagram.len() as u64 + 1) as usize),
        1 => datagram.extend(noise.bytes(20)),
        // Lying lengths of chunks, and of the first parameter in them.
        2 | 3 if datagram.len() > HEADER_LEN + 8 => {
            let at = [HEADER_LEN + 2, HEADER_LEN + 6][noise.below(2) as usize];
            datagram[at] = 0;
            datagram[at + 1] = noise.below(40) as u8;
        }
        _ => {}
    }
    seal(datagram);
}

#[test]
fn malformed_chunks_of_every_type_do_no_harm() {
    for stack in stacks() {
        for round in 0..if stack == Stack::Rtc { 150 } else { 15 } {
            let mut noise = Noise::new(round);
            let mut forger = Forger::new(stack, &Config::default());
            forger.ends.lose(100);
            forger.ends.send(0, &message(1, vec![1; 5_000]));
            let corpus = corpus(&forger);
            for _ in 0..60 {
                let mut datagram = corpus[noise.below(corpus.len() as u64) as usize].clone();
                mutate(&mut datagram, &mut noise);
                forger.say(&datagram);
                if round % 2 == 0 {
                    forger.ends.run_for(Duration::from_millis(noise.below(300)));
                }
            }
            forger.ends.run_for(Duration::from_secs(20));
            let panicked = AssociationEvent::Failed(Failure::Panicked);
            assert!(
                !forger.ends.has_seen(0, panicked),
                "{stack:?} round {round}"
            );
        }
    }
}

#[test]
fn a_forged_tag_changes_nothing() {
    for stack in stacks() {
        let mut forger = Forger::new(stack, &Config::default());
        let now = forger.ends.now;
        for corpus in corpus(&forger) {
            let mut forged = corpus;
            let tag = forger.tag ^ 1;
            if chunks(&forged).all(|chunk| chunk.kind != kind::INIT) {
                forged[4..8].copy_from_slice(&tag.to_be_bytes());
                seal(&mut forged);
                let refused = forger.ends.ends[0].receive(now, &forged);
                assert_eq!(refused, Err(Refused::Tag), "{stack:?}");
            }
        }
        forger.ends.send(0, &message(1, "there"));
        forger.ends.send(1, &message(1, "back"));
        forger.ends.run_for(Duration::from_secs(1));
        assert_eq!(forger.ends.payloads(0), [b"back"]);
        assert_eq!(forger.ends.payloads(1), [b"there"]);
    }
}

#[test]
fn who_has_not_answered_the_init_has_nothing_to_say() {
    for stack in stacks() {
        let mut ends = Ends::with([stack, Stack::Rtc], &Config::default());
        ends.keeps_datagrams = true;
        ends.lose(100);
        ends.ends[0].connect(ends.now);
        let asked = run_until_sent(&mut ends, kind::INIT);
        let init = chunks(&asked).find_map(|chunk| Init::of(&chunk).map(|init| init.tag));
        let (mut forger, tag) = (Forger::new(stack, &Config::default()), init.unwrap());
        forger.tag = tag;
        for datagram in corpus(&forger) {
            let first = chunks(&datagram).next().unwrap().kind;
            if first != kind::INIT && first != kind::INIT_ACK && first != kind::ABORT {
                let refused = ends.ends[0].receive(ends.now, &datagram);
                assert_eq!(refused, Err(Refused::Tag), "{stack:?}, chunk type {first}");
            }
        }
        ends.poll();
        assert_eq!(
            ends.got[0].datagrams.len(),
            1,
            "{stack:?} sent its INIT alone"
        );
    }
}

#[test]
fn a_flood_of_inits_neither_ends_nor_prevents_a_conversation() {
    for stack in stacks() {
        let flood = |ends: &mut Ends, from: u32| {
            for tag in from..from + 1_000 {
                let packet = forge(0, &[(kind::INIT, 0, &init(tag, 9))]);
                let _ = ends.ends[0].receive(ends.now, &packet);
            }
            ends.poll();
        };
        for asks in [0, 1] {
            let mut ends = Ends::with([stack, Stack::Rtc], &Config::default());
            flood(&mut ends, 1);
            ends.ends[asks].connect(ends.now);
            ends.run_for(Duration::from_millis(5));
            flood(&mut ends, 5_000);
            ends.run_until(|ends| ends.are(State::Connected));
            flood(&mut ends, 10_000);
            ends.send(1, &message(1, "still here"));
            ends.run_for(Duration::from_secs(1));
            assert_eq!(ends.payloads(0), [b"still here"], "{stack:?}, {asks} asks");
        }
    }
}

/// A window of 100 bytes is below what RFC 9260 section 3.3.2 allows, and the library says nothing.
#[test]
fn an_init_that_is_not_answered_is_not_answered_twice() {
    for stack in stacks() {
        let mut ends = Ends::with([stack, Stack::Rtc], &Config::default());
        ends.keeps_datagrams = true;
        let mut narrow = init(7, 9);
        narrow[4..8].copy_from_slice(&100_u32.to_be_bytes());
        let packet = forge(0, &[(kind::INIT, 0, &narrow)]);
        for _ in 0..2 {
            let _ = ends.ends[0].receive(ends.now, &packet);
            ends.poll();
        }
        let sent = ends.got[0].datagrams.iter();
        let empty = sent.filter(|(_, datagram)| datagram.is_empty()).count();
        assert_eq!(empty, 0, "{stack:?}");
    }
}

/// The first datagram of end 0 with a chunk of the type `wanted`, as soon as it has left: a library
/// whose numbers begin too late is opened again, a millisecond later each time.
fn run_until_sent(ends: &mut Ends, wanted: u8) -> Vec<u8> {
    let sent = |ends: &Ends| {
        let mut datagrams = ends.got[0].datagrams.iter().map(|(_, datagram)| datagram);
        let is_wanted = |datagram: &&Vec<u8>| chunks(datagram).any(|chunk| chunk.kind == wanted);
        datagrams.find(is_wanted).cloned()
    };
    let mut millis = 0..1_000;
    let found = millis.find_map(|_| {
        ends.run_for(Duration::from_millis(1));
        sent(ends)
    });
    found.expect("it leaves within a second")
}

#[test]
fn an_altered_cookie_connects_nobody() {
    for stack in stacks() {
        let mut ends = Ends::with([Stack::Rtc, stack], &Config::default());
        ends.keeps_datagrams = true;
        ends.ends[0].connect(ends.now);
        let mut echo = run_until_sent(&mut ends, kind::COOKIE_ECHO);
        ends.lose(100);
        let mut fresh = Ends::with([Stack::Rtc, stack], &Config::default());
        let elsewhere = fresh.ends[1].receive(fresh.now, &echo);
        assert_eq!(
            elsewhere,
            Err(Refused::Tag),
            "{stack:?}: nobody gave it this cookie"
        );
        fresh.poll();

        let last = echo.len() - 1;
        echo[last] ^= 1;
        seal(&mut echo);
        let _ = ends.ends[1].receive(ends.now, &echo);
        ends.poll();
        assert_eq!(ends.ends[1].state(), State::New, "{stack:?}");
    }
}

#[test]
fn a_cookie_that_is_replayed_changes_nothing() {
    for stack in stacks() {
        let mut ends = Ends::with([Stack::Rtc, stack], &Config::default());
        ends.keeps_datagrams = true;
        ends.connect();
        let echo = run_until_sent(&mut ends, kind::COOKIE_ECHO);
        for _ in 0..100 {
            let _ = ends.ends[1].receive(ends.now, &echo);
        }
        ends.run_for(Duration::from_secs(1));
        ends.send(0, &message(1, "there"));
        ends.run_for(Duration::from_secs(1));
        assert_eq!(ends.payloads(1), [b"there"], "{stack:?}");
    }
}

#[test]
fn more_streams_than_announced_end_the_association() {
    for stack in stacks() {
        let config = Config {
            inbound_streams: 100,
            ..Config::default()
        };
        let mut forger = Forger::new(stack, &config);
        for stream in 0..100 {
            forger.say_data(WHOLE, stream * 3, 0, b"x");
        }
        assert_eq!(forger.state(), State::Connected, "{stack:?}");
        forger.say_data(WHOLE, 1, 0, b"x");
        assert!(
            forger
                .ends
                .has_seen(0, AssociationEvent::Failed(Failure::Flooded)),
            "{stack:?}"
        );
    }
}

/// How many of the numbers above the cumulative one the last SACK of end 0 says have arrived, and
/// how far the cumulative one is behind `tsn`.
fn acknowledged(forger: &Forger) -> (u32, u32) {
    let sent = forger.ends.got[0].datagrams.iter().rev();
    let mut chunks = sent.flat_map(|(_, datagram)| chunks(datagram));
    let sack = chunks.find(|chunk| chunk.kind == kind::SACK);
    let sack = sack.expect("it acknowledges").value;
    let cumulative = u32::from_be_bytes([sack[0], sack[1], sack[2], sack[3]]);
    let gaps = sack[12..].chunks_exact(4);
    let arrived = gaps.map(|gap| {
        let [start, end] = [[gap[0], gap[1]], [gap[2], gap[3]]].map(u16::from_be_bytes);
        u32::from(end - start) + 1
    });
    (arrived.sum(), forger.tsn.wrapping_sub(cumulative))
}

/// What `webrtc-sctp` holds cannot be told.
#[test]
fn fragments_of_messages_far_behind_are_left_to_be_sent_again() {
    // 1,024 fragments of 256 bytes make the longest message.
    const LONGEST: u16 = 1_024;
    for unordered in [0, 4] {
        let mut forger = Forger::new(Stack::Rtc, &Config::default());
        let first = forger.tsn;
        forger.tsn = first.wrapping_add(1);
        for index in 0..3 * LONGEST {
            forger.say_data(BEGINNING | unordered, 1, index, b"x");
        }
        let case = format!("unordered {unordered}");
        assert_eq!(forger.state(), State::Connected, "{case}");
        // Of 290 gap blocks one run is left: those that were taken are next to each other.
        assert_eq!(acknowledged(&forger).0, u32::from(LONGEST), "{case}");

        // Whole messages are taken all the same, and what is missing is too.
        forger.say_data(WHOLE, 2, 0, b"whole");
        assert_eq!(forger.ends.payloads(0), [b"whole"], "{case}");
        forger.tsn = first;
        forger.say_data(WHOLE, 3, 0, b"missing");
        assert_eq!(forger.ends.payloads(0)[1], b"missing", "{case}");
    }
}

#[test]
fn fragments_that_are_never_completed_end_the_association() {
    let flooded = AssociationEvent::Failed(Failure::Flooded);
    // The first is of messages that are never completed, the others of one that never ends.
    for (first, flags) in [
        (BEGINNING, BEGINNING),
        (BEGINNING | 4, BEGINNING | 4),
        (BEGINNING, 0),
        (BEGINNING | 4, 4),
    ] {
        let mut forger = Forger::new(Stack::Rtc, &Config::default());
        forger.say_data(first, 1, 0, b"x");
        for index in 1..3 * 1_024 {
            forger.say_data(flags, 1, if flags == 0 { 0 } else { index }, b"x");
        }
        assert_eq!(forger.state(), State::Connected, "flags {flags}");
        forger.say_data(flags, 1, 0, b"x");
        assert!(forger.ends.has_seen(0, flooded), "flags {flags}");
    }
    let small = Config {
        receive_window: 200_000,
        ..Config::default()
    };
    // A message that never ends is in order all the time, and exempt from the window.
    let mut forger = Forger::new(Stack::Rtc, &small);
    forger.say_data(BEGINNING, 1, 0, &[0; 1_100]);
    for _ in 0..10_000 {
        forger.say_data(0, 1, 0, &[0; 1_100]);
    }
    assert!(forger.ends.has_seen(0, flooded), "a message without an end");
}

/// `webrtc-sctp` takes nothing in before it transmits.
#[test]
fn as_many_small_messages_as_a_tick_brings_are_no_flood() {
    let small = Config {
        receive_window: 200_000,
        ..Config::default()
    };
    let mut forger = Forger::new(Stack::Rtc, &small);
    let mut packets = Vec::new();
    for sequence in 0..200_u16 {
        let values: Vec<_> = (0..50)
            .map(|_| {
                let value = forger.data(1, sequence, b"x");
                forger.tsn = forger.tsn.wrapping_add(1);
                value
            })
            .collect();
        let values = values.iter();
        let chunks: Vec<_> = values
            .map(|value| (kind::DATA, WHOLE | 4, &value[..]))
            .collect();
        packets.push(forger.packet(&chunks));
    }
    let now = forger.ends.now;
    for packet in &packets {
        assert_eq!(forger.ends.ends[0].receive(now, packet), Ok(()));
    }
    forger.ends.lose(100);
    forger.ends.run_for(Duration::from_secs(1));
    assert_eq!(forger.state(), State::Connected);
    assert_eq!(forger.ends.payloads(0).len(), 10_000);
}

#[test]
fn gaps_without_number_are_acknowledged_in_a_datagram() {
    for stack in stacks() {
        let mut forger = Forger::new(stack, &Config::default());
        for sequence in 0..20_000 {
            forger.tsn = forger.tsn.wrapping_add(1);
            forger.say_data(WHOLE | 4, 1, sequence, b"x");
        }
        forger.ends.lose(100);
        forger.ends.run_for(Duration::from_secs(1));
        assert_eq!(forger.state(), State::Connected, "{stack:?}");
        let sent = forger.ends.got[0].datagrams.iter();
        let longest = sent.map(|(_, datagram)| datagram.len()).max();
        assert!(longest <= Some(1_191), "{stack:?}: {longest:?}");
    }
}

#[test]
fn a_leap_in_sequence_numbers_is_not_followed() {
    for stack in stacks() {
        let mut forger = Forger::new(stack, &Config::default());
        let leap = forger.tsn.wrapping_add(0x7000_0000);
        let forward = forger.packet(&[(kind::FORWARD_TSN, 0, &leap.to_be_bytes())]);
        forger.say(&forward);
        let mut data = forger.data(1, 0, b"far ahead");
        data[..4].copy_from_slice(&leap.to_be_bytes());
        let data = forger.packet(&[(kind::DATA, WHOLE, &data)]);
        forger.say(&data);
        forger.say_data(WHOLE, 1, 0, b"next");
        forger.ends.run_for(Duration::from_secs(1));
        assert_eq!(forger.ends.payloads(0), [b"next"], "{stack:?}");
    }
}

#[test]
fn a_flood_of_reset_requests_is_answered_in_a_datagram_a_tick() {
    for stack in stacks() {
        let mut forger = Forger::new(stack, &Config::default());
        let now = forger.ends.now;
        let sent_before = forger.ends.got[0].datagrams.len();
        for sequence in 0..1_000 {
            let value = reset(forger.tsn.wrapping_add(sequence), forger.tsn, &[1, 2]);
            let packet = forger.packet(&[(kind::RE_CONFIG, 0, &value)]);
            let _ = forger.ends.ends[0].receive(now, &packet);
        }
        forger.ends.poll();
        let said = forger.ends.got[0].datagrams[sent_before..].iter();
        let is_answer = |packet: &[u8]| chunks(packet).any(|it| it.kind == kind::RE_CONFIG);
        let answers: Vec<_> = said.filter(|(_, packet)| is_answer(packet)).collect();
        assert_eq!(answers.len(), 1, "{stack:?}");
        assert!(answers[0].1.len() < 1_191, "{stack:?}");
        assert_eq!(forger.state(), State::Connected, "{stack:?}");
    }
}

#[test]
fn a_peer_without_a_window_fills_no_memory() {
    for stack in stacks() {
        let config = Config {
            send_buffer_size: 100_000,
            ..Config::default()
        };
        let mut forger = Forger::new(stack, &config);
        forger.ends.lose(100);
        let cumulative = forger.ends.got[0]
            .datagrams
            .iter()
            .flat_map(|(_, datagram)| {
                let inits =
                    chunks(datagram).filter_map(|chunk| Init::of(&chunk).map(|init| init.tsn));
                inits.collect::<Vec<_>>()
            });
        let cumulative = cumulative.last().expect("it asked").wrapping_sub(1);
        let sack = [&cumulative.to_be_bytes()[..], &[0; 8]].concat();
        let mut taken = 0;
        for _ in 0..1_000 {
            let now = forger.ends.now;
            match forger.ends.ends[0].send(now, &message(1, vec![0; 1_000])) {
                Ok(_) => taken += 1,
                Err(refused) => assert_eq!(refused, SendRefused::BufferFull),
            }
            let packet = forger.packet(&[(kind::SACK, 0, &sack)]);
            forger.say(&packet);
            forger.ends.run_for(Duration::from_millis(10));
        }
        assert_eq!(taken, 100, "{stack:?}");
        assert_eq!(forger.state(), State::Connected, "{stack:?}: it is there");
    }
}

#[test]
fn what_is_abandoned_on_streams_that_nobody_agreed_on_is_forgotten() {
    for stack in stacks() {
        let mut stranger = Forger::stranger(stack, &Config::default(), 100);
        for first in (0..60_000_u32).step_by(200) {
            let mut forward = stranger.tsn.to_be_bytes().to_vec();
            for stream in first..first + 200 {
                forward.extend((stream as u16).to_be_bytes());
                forward.extend([0, 0]);
            }
            let packet = stranger.packet(&[(kind::FORWARD_TSN, 0, &forward)]);
            stranger.say(&packet);
            stranger.tsn += 1;
        }
        stranger.ends.run_for(Duration::from_millis(10));
        stranger.say_data(WHOLE, 3, 1, b"behind");
        stranger.ends.run_for(Duration::from_secs(1));
        assert_eq!(stranger.state(), State::Connected, "{stack:?}");
        assert_eq!(stranger.ends.payloads(0), [b"behind"], "{stack:?}");
    }
}
