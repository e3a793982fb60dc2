//! Streams that begin anew, RFC 6525.

use std::time::Duration;

use flumen::Time;
use flumen::components::wire::sctp::{
    HEADER_LEN, ResetRequest, ResetResponse, chunks, kind, parameters, seal,
};
use flumen::sctp::{Association, AssociationEvent, Config, Output, State};
use flumen_tests::forger::{Forger, reset};
use flumen_tests::{Ends, Stack, message, start};
use proptest::prelude::*;

#[test]
fn a_reset_stream_begins_anew_and_loses_nothing() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for count in 0..50_u8 {
            ends.send(0, &message(4, vec![count; 2_000]));
        }
        ends.ends[0].reset_stream(4);
        ends.send(0, &message(5, "another stream"));
        let done = AssociationEvent::ResetDone { stream: 4 };
        ends.run_until(|ends| ends.has_seen(0, done));
        assert!(
            ends.has_seen(1, AssociationEvent::ResetByPeer { stream: 4 }),
            "{stacks:?}"
        );
        assert!(
            !ends.has_seen(1, AssociationEvent::ResetByPeer { stream: 5 }),
            "{stacks:?}"
        );
        assert_eq!(ends.got[1].messages.len(), 51, "{stacks:?}: all of before");
        for count in 0..20_u8 {
            ends.send(0, &message(4, vec![count]));
        }
        ends.run_for(Duration::from_secs(1));
        let after = ends.payloads(1).split_off(51);
        assert!(
            after.into_iter().map(|payload| payload[0]).eq(0..20),
            "{stacks:?}"
        );
    }
}

#[test]
fn a_reset_leaves_the_other_direction_alone() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for round in 0..3_u8 {
            for count in 0..10_u8 {
                ends.send(0, &message(4, vec![round, count]));
                ends.send(1, &message(4, vec![round, count]));
            }
            ends.ends[0].reset_stream(4);
            ends.run_for(Duration::from_secs(3));
        }
        for at in [0, 1] {
            let got = ends.payloads(at);
            let expected = (0..30_u8).map(|index| [index / 10, index % 10]);
            assert!(got.into_iter().eq(expected), "{stacks:?}, end {at}");
        }
        let seen = |at: usize, event| {
            let events = ends.got[at].events.iter();
            events.filter(|(_, seen)| *seen == event).count()
        };
        assert_eq!(seen(0, AssociationEvent::ResetDone { stream: 4 }), 3);
        assert_eq!(seen(1, AssociationEvent::ResetByPeer { stream: 4 }), 3);
        assert_eq!(seen(0, AssociationEvent::ResetByPeer { stream: 4 }), 0);
    }
}

#[test]
fn a_reset_survives_loss() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(30);
        for round in 0..5_u8 {
            for count in 0..5_u8 {
                ends.send(0, &message(9, vec![round, count]));
            }
            ends.ends[0].reset_stream(9);
            let rounds = usize::from(round) + 1;
            ends.run_until(|ends| {
                let done = AssociationEvent::ResetDone { stream: 9 };
                let events = ends.got[0].events.iter();
                events.filter(|(_, event)| *event == done).count() == rounds
            });
        }
        let expected = (0..25_u8).map(|index| [index / 5, index % 5]);
        assert!(ends.payloads(1).into_iter().eq(expected), "{stacks:?}");
    }
}

#[test]
fn a_stream_that_was_never_used_can_be_reset() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.ends[0].reset_stream(17);
        ends.run_until(|ends| ends.has_seen(0, AssociationEvent::ResetDone { stream: 17 }));
        ends.send(0, &message(17, "first"));
        ends.run_for(Duration::from_secs(1));
        assert_eq!(ends.payloads(1), [b"first"], "{stacks:?}");
    }
}

/// Hands over what `from` has to say; its INIT ACK does not name RE-CONFIG.
fn hand_over(from: &mut Association, to: &mut Association) -> Vec<Vec<u8>> {
    const EXTENSIONS: [u8; 5] = [0x80, 0x08, 0, 6, kind::RE_CONFIG];
    let mut out = Output::default();
    from.poll(Time::ZERO, &mut out);
    let mut said: Vec<_> = out.datagrams().map(<[u8]>::to_vec).collect();
    for datagram in &mut said {
        let named = datagram.windows(5).position(|at| at == EXTENSIONS);
        if let (Some(at), Some(&kind::INIT_ACK)) = (named, datagram.get(HEADER_LEN)) {
            datagram[at + 4] = kind::FORWARD_TSN;
            seal(datagram);
        }
        to.receive(Time::ZERO, datagram).unwrap();
    }
    said
}

#[test]
fn a_peer_that_knows_no_resets_is_not_asked_for_one() {
    let epoch = start();
    let associate = || Stack::Rtc.associate(Config::default(), epoch.clone());
    let (mut one, mut peer) = (associate(), associate());
    one.connect(Time::ZERO);
    while one.state() != State::Connected {
        hand_over(&mut one, &mut peer);
        hand_over(&mut peer, &mut one);
    }
    one.reset_stream(4);
    let asks = |datagram: &Vec<u8>| chunks(datagram).any(|it| it.kind == kind::RE_CONFIG);
    assert!(!hand_over(&mut one, &mut peer).iter().any(asks));
    let after = one.send(Time::ZERO, &message(4, "the stream goes on"));
    assert!(after.is_ok(), "{after:?}");
}

/// What is sent before a reset is done belongs to what begins anew.
#[test]
fn messages_wait_for_the_reset_of_their_stream() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(20);
        for round in 0..4_u8 {
            for count in 0..5 {
                ends.send(0, &message(4, vec![round, count]));
            }
            ends.ends[0].reset_stream(4);
        }
        assert_eq!(ends.ends[0].buffered_on(4), 40, "{stacks:?}");
        let resets = |ends: &Ends, at: usize, event| {
            let events = ends.got[at].events.iter();
            events.filter(|(_, seen)| *seen == event).count()
        };
        ends.run_until(|ends| resets(ends, 0, AssociationEvent::ResetDone { stream: 4 }) == 4);
        let expected = (0..20_u8).map(|index| [index / 5, index % 5]);
        assert!(ends.payloads(1).into_iter().eq(expected), "{stacks:?}");
        let by_peer = resets(&ends, 1, AssociationEvent::ResetByPeer { stream: 4 });
        assert_eq!(by_peer, 4, "{stacks:?}: both ends agree");
    }
}

/// Each implementation once.
fn stacks() -> impl Iterator<Item = Stack> {
    let mirrored = Stack::PAIRS.iter().filter(|pair| pair[0] == pair[1]);
    mirrored.map(|pair| pair[0])
}

const WHOLE: u8 = 3;

/// What a stranger whose first number is 100 says: the number of DATA, or of a request.
#[derive(Clone, Copy, Debug)]
enum Said {
    Data(u32, u16, u16),
    Reset(u32),
}

fn say(stranger: &mut Forger, said: Said) {
    match said {
        Said::Data(tsn, stream, sequence) => {
            stranger.tsn = tsn;
            stranger.say_data(WHOLE, stream, sequence, &tsn.to_be_bytes());
        }
        Said::Reset(sequence) => {
            let request = reset(sequence, 101, &[3]);
            let packet = stranger.packet(&[(kind::RE_CONFIG, 0, &request)]);
            stranger.say(&packet);
        }
    }
    // The packets of one library leave a millisecond later.
    stranger.ends.run_for(Duration::from_millis(2));
}

/// The results of requests that end 0 has told, in order.
fn results(stranger: &Forger) -> Vec<(u32, u32)> {
    let said = stranger.said(kind::RE_CONFIG);
    let told = said.iter().flat_map(|packet| chunks(packet));
    let told = told.filter(|chunk| chunk.kind == kind::RE_CONFIG);
    let told = told.flat_map(|chunk| parameters(chunk.value));
    let told = told.filter_map(|parameter| ResetResponse::of(&parameter));
    told.map(|told| (told.sequence, told.result)).collect()
}

/// The peer asks under the next number once it has heard that a request is in progress.
const IN_PROGRESS: [Said; 6] = [
    Said::Data(101, 3, 0),
    Said::Reset(100),
    Said::Reset(100),
    Said::Reset(101),
    Said::Data(100, 5, 0),
    Said::Data(102, 3, 0),
];

#[test]
fn a_request_that_must_wait_is_in_progress_until_it_is_done() {
    for stack in stacks() {
        let mut stranger = Forger::stranger(stack, &Config::default(), 100);
        for said in IN_PROGRESS {
            say(&mut stranger, said);
        }
        stranger.ends.run_for(Duration::from_secs(1));
        let in_progress = ResetResponse::IN_PROGRESS;
        let expected = [
            (100, in_progress),
            (100, in_progress),
            (101, in_progress),
            (101, ResetResponse::PERFORMED),
        ];
        assert_eq!(results(&stranger), expected, "{stack:?}");
        let mut payloads = stranger.ends.payloads(0);
        payloads.sort_unstable();
        let sent = [100_u32, 101, 102].map(u32::to_be_bytes);
        assert_eq!(payloads, sent, "{stack:?}");
    }
}

#[test]
fn a_request_for_what_has_arrived_is_not_in_progress() {
    let mut stranger = Forger::stranger(Stack::Rtc, &Config::default(), 100);
    let data = stranger.data(3, 0, b"x");
    let request = reset(100, 100, &[3]);
    let packet = stranger.packet(&[(kind::DATA, WHOLE, &data), (kind::RE_CONFIG, 0, &request)]);
    stranger.say(&packet);
    assert_eq!(results(&stranger), [(100, ResetResponse::PERFORMED)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is late, comes again or overtakes: both ends agree on what begins anew where.
    #[test]
    fn a_reset_is_the_same_in_whatever_order_it_arrives(
        order in Just((0..IN_PROGRESS.len()).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..IN_PROGRESS.len(), 0..8),
    ) {
        // What begins anew is sent behind the request.
        let place = |said| order.iter().position(|at| *at == said);
        prop_assume!(place(1).min(place(2)) < place(5));
        let mut stranger = Forger::stranger(Stack::Rtc, &Config::default(), 100);
        for at in order.into_iter().chain(again).chain(0..IN_PROGRESS.len()) {
            say(&mut stranger, IN_PROGRESS[at]);
        }
        say(&mut stranger, Said::Data(103, 3, 1));
        stranger.ends.run_for(Duration::from_secs(1));
        let mut payloads = stranger.ends.payloads(0);
        payloads.retain(|payload| *payload != 100_u32.to_be_bytes());
        prop_assert_eq!(payloads, [101_u32, 102, 103].map(u32::to_be_bytes));
        let (_, last) = results(&stranger).pop().expect("it is answered");
        prop_assert_eq!(last, ResetResponse::PERFORMED);
    }
}

/// A peer that answers is there, however long it takes; and one stack performs only what it is
/// asked for under another number.
#[test]
fn a_reset_in_progress_is_asked_for_under_the_next_number_as_long_as_it_takes() {
    for stack in stacks() {
        let mut stranger = Forger::stranger(stack, &Config::default(), 100);
        stranger.ends.ends[0].reset_stream(4);
        let mut heard = 0;
        let mut asked = Vec::new();
        for second in 0..3_000 {
            stranger.ends.run_for(Duration::from_secs(1));
            // Heartbeats are answered too, or it would seem to be gone.
            let packets: Vec<_> = stranger.ends.got[0].datagrams.drain(..).collect();
            for (_, packet) in packets {
                for chunk in chunks(&packet) {
                    if chunk.kind == kind::HEARTBEAT {
                        let ack = stranger.packet(&[(kind::HEARTBEAT_ACK, 0, chunk.value)]);
                        stranger.say(&ack);
                    }
                    let request = parameters(chunk.value).find_map(|it| {
                        ResetRequest::of(&it).filter(|_| chunk.kind == kind::RE_CONFIG)
                    });
                    if let Some(request) = request {
                        asked.push(request.sequence);
                        let result = if second < 2_900 { 6_u32 } else { 1 };
                        let mut response = vec![0, 16, 0, 12];
                        response.extend(request.sequence.to_be_bytes());
                        response.extend(result.to_be_bytes());
                        let packet = stranger.packet(&[(kind::RE_CONFIG, 0, &response)]);
                        stranger.say(&packet);
                        heard += 1;
                    }
                }
            }
        }
        let case = format!("{stack:?}, asked {heard} times");
        assert_eq!(stranger.state(), State::Connected, "{case}");
        assert!(heard > 20, "{case}");
        let steps = asked.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        assert!(steps.clone().all(|step| step == 1), "{case}");
        let done = AssociationEvent::ResetDone { stream: 4 };
        assert!(stranger.ends.has_seen(0, done), "{case}");
    }
}
