//! Streams that begin anew, RFC 6525.

use std::time::Duration;

use flumen::Time;
use flumen::components::wire::sctp::{HEADER_LEN, chunks, kind, seal};
use flumen::sctp::{Association, Config, Event, Output, SendError, State};
use flumen_tests::{Ends, Stack, message, start};

#[test]
fn a_reset_stream_begins_anew_and_loses_nothing() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for count in 0..50_u8 {
            ends.send(0, &message(4, vec![count; 2_000]));
        }
        ends.ends[0].reset_stream(4);
        let during = ends.ends[0].send(ends.now, &message(4, "x"));
        assert_eq!(during, Err(SendError::Resetting(4)));
        ends.send(0, &message(5, "another stream"));
        let done = Event::ResetDone { stream: 4 };
        ends.run_until(|ends| ends.has_seen(0, done));
        assert!(
            ends.has_seen(1, Event::ResetByPeer { stream: 4 }),
            "{stacks:?}"
        );
        assert!(
            !ends.has_seen(1, Event::ResetByPeer { stream: 5 }),
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
        assert_eq!(seen(0, Event::ResetDone { stream: 4 }), 3);
        assert_eq!(seen(1, Event::ResetByPeer { stream: 4 }), 3);
        assert_eq!(seen(0, Event::ResetByPeer { stream: 4 }), 0);
    }
}

#[test]
fn a_reset_survives_loss() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(300);
        for round in 0..5_u8 {
            for count in 0..5_u8 {
                ends.send(0, &message(9, vec![round, count]));
            }
            ends.ends[0].reset_stream(9);
            let rounds = usize::from(round) + 1;
            ends.run_until(|ends| {
                let done = Event::ResetDone { stream: 9 };
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
        ends.run_until(|ends| ends.has_seen(0, Event::ResetDone { stream: 17 }));
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
