//! Connecting, and messages.

use std::time::Duration;

use flumen::Time;
use flumen::components::wire::sctp::{Data, chunks};
use flumen::sctp::{
    Association, AssociationEvent, Config, OutgoingMessage, Output, Reliability, SendRefused, State,
};
use flumen_tests::{Ends, Stack, message, start};

#[test]
fn messages_flow_in_both_directions_once_connected() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        let early = ends.ends[0].send(ends.now, &message(1, "early"));
        assert_eq!(early, Err(SendRefused::NotConnected));
        ends.connect();
        for count in 0..100_u8 {
            let length = 1 + usize::from(count) * 40;
            ends.send(0, &message(1, vec![count; length]));
            ends.send(1, &message(1, vec![count; 3]));
        }
        ends.run_for(Duration::from_secs(5));
        for at in [0, 1] {
            let firsts = ends.payloads(at).into_iter().map(|payload| payload[0]);
            assert!(firsts.eq(0..100), "{stacks:?}: all, once and in order");
            assert_eq!(ends.ends[at].buffered(), 0, "{stacks:?}");
        }
    }
}

#[test]
fn what_arrives_is_told_by_the_next_poll() {
    // One way takes 10 ms; the timers of a library are looked at each millisecond.
    let soon = Duration::from_millis(10 + 2);
    // An acknowledgement may be delayed.
    let delayed = Duration::from_millis(200);
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.run_for(Duration::from_millis(995));
        let sent = ends.now;
        ends.send(0, &message(1, "now"));
        ends.run_for(Duration::from_secs(1));
        let (arrived, _) = ends.got[1].messages[0];
        let took = arrived.since(sent);
        assert!(took <= soon, "{stacks:?}: told after {took:?}");
        let low = |(_, event): &&_| matches!(event, AssociationEvent::BufferedAmountLow { .. });
        let (acknowledged, _) = ends.got[0].events.iter().find(low).expect("it is");
        let took = acknowledged.since(sent);
        assert!(
            took <= 2 * soon + delayed,
            "{stacks:?}: told after {took:?}"
        );
    }
}

#[test]
fn an_association_tells_its_states_and_streams() {
    for &stacks in Stack::PAIRS {
        let config = Config {
            inbound_streams: 20,
            outbound_streams: 300,
            ..Config::default()
        };
        let mut ends = Ends::with(stacks, &config);
        assert!(ends.are(State::New));
        ends.connect();
        let streams = AssociationEvent::Streams {
            outbound: 20,
            inbound: 20,
        };
        let connected = AssociationEvent::StateChanged(State::Connected);
        let asked: Vec<_> = ends.got[0].events.iter().map(|(_, event)| *event).collect();
        let connecting = AssociationEvent::StateChanged(State::Connecting);
        assert_eq!(asked, [connecting, streams, connected], "{stacks:?}");
        let answered = ends.got[1].events.iter().map(|(_, event)| *event);
        assert!(answered.eq([streams, connected]), "{stacks:?}");
        let beyond = ends.ends[0].send(ends.now, &message(20, "x"));
        let refused = SendRefused::NoStream {
            stream: 20,
            streams: 20,
        };
        assert_eq!(beyond, Err(refused));
    }
}

#[test]
fn both_may_ask_at_once() {
    for &stacks in Stack::PAIRS {
        // Tags are random, and decide who wins.
        for _ in 0..10 {
            let mut ends = Ends::with(stacks, &Config::default());
            ends.ends[1].connect(ends.now);
            ends.connect();
            ends.send(0, &message(0, "there"));
            ends.send(1, &message(0, "back"));
            ends.run_for(Duration::from_secs(1));
            assert_eq!(ends.payloads(1), [b"there"], "{stacks:?}");
            assert_eq!(ends.payloads(0), [b"back"], "{stacks:?}");
        }
    }
}

#[test]
fn one_may_ask_while_it_is_asked() {
    for &stacks in Stack::PAIRS {
        for millis in [1, 5, 9, 11, 15, 19, 21, 25, 29, 31, 35] {
            let mut ends = Ends::with(stacks, &Config::default());
            ends.ends[0].connect(ends.now);
            ends.run_for(Duration::from_millis(millis));
            ends.ends[1].connect(ends.now);
            ends.run_until(|ends| ends.are(State::Connected));
            ends.send(0, &message(0, "there"));
            ends.send(1, &message(0, "back"));
            ends.run_for(Duration::from_secs(1));
            assert_eq!(ends.payloads(1), [b"there"], "{stacks:?} {millis} ms later");
            assert_eq!(ends.payloads(0), [b"back"], "{stacks:?} {millis} ms later");
        }
    }
}

/// The chunk types that begin the packets it has to send at `now`.
fn packets(end: &mut Association, now: Time) -> Vec<u8> {
    let mut out = Output::default();
    end.poll(now, &mut out);
    out.datagrams().map(|packet| packet[12]).collect()
}

#[test]
fn who_is_asked_first_does_not_ask_until_the_peer_has_had_its_time() {
    const INIT: u8 = 1;
    const INIT_ACK: u8 = 2;
    let epoch = start();
    let [mut asks, mut answers] = [(); 2].map(|()| {
        let config = Config::default();
        Stack::Rtc.associate(config, epoch.clone())
    });
    let mut out = Output::default();
    asks.connect(Time::ZERO);
    asks.poll(Time::ZERO, &mut out);
    for packet in out.datagrams() {
        answers
            .receive(Time::ZERO, packet)
            .expect("it is well-formed");
    }
    answers.connect(Time::ZERO);
    assert_eq!(answers.state(), State::Connecting);
    assert_eq!(packets(&mut answers, Time::ZERO), [INIT_ACK]);
    // The peer is never heard of again.
    let due = answers.next_timeout().expect("it asks after all");
    assert_eq!(due, Time::from_secs(1));
    answers.advance(due);
    assert_eq!(packets(&mut answers, due), [INIT]);
}

#[test]
fn a_lost_handshake_is_asked_again() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.lose(100);
        ends.ends[0].connect(ends.now);
        ends.run_for(Duration::from_millis(100));
        ends.lose(0);
        ends.run_until(|ends| ends.are(State::Connected));
        assert!(
            ends.now.as_millis() >= 1_000,
            "{stacks:?}: after RTO.Initial"
        );
    }
}

#[test]
fn every_ppid_arrives_as_it_was_sent() {
    const PPIDS: [u32; 11] = [0, 1, 50, 51, 52, 53, 54, 56, 57, 58, u32::MAX];
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.keeps_datagrams = true;
        ends.connect();
        ends.lose(10);
        let mut sent = Vec::new();
        for (length, ordered) in [(1, true), (20_000, true), (20_000, false), (3, false)] {
            for (stream, ppid) in (0..).zip(PPIDS) {
                let payload = vec![ppid as u8; length];
                let message = OutgoingMessage {
                    ppid,
                    ordered,
                    ..message(stream, payload.clone())
                };
                ends.send(0, &message);
                sent.push((stream, ppid, payload));
            }
        }
        ends.run_until(|ends| ends.got[1].messages.len() == sent.len());
        let got = ends.got[1].messages.iter().map(|(_, message)| message);
        let mut got: Vec<_> = got
            .map(|message| (message.stream, message.ppid, message.payload.to_vec()))
            .collect();
        got.sort();
        sent.sort();
        assert_eq!(got.len(), sent.len());
        assert!(got == sent, "{stacks:?}");
        ends.run_for(Duration::from_secs(5));
        assert_eq!(ends.ends[0].buffered(), 0, "{stacks:?}");
        for (_, datagram) in &ends.got[0].datagrams {
            for data in chunks(datagram).filter_map(|chunk| Data::of(&chunk)) {
                let expected = PPIDS[usize::from(data.stream)];
                assert_eq!(data.ppid, expected, "{stacks:?}: in each fragment");
            }
        }
    }
}

#[test]
fn a_message_as_long_as_allowed_passes_whatever_its_ppid() {
    let config = Config {
        max_send_message_size: 3_000,
        max_receive_message_size: 2_999,
        ..Config::default()
    };
    for &stacks in Stack::PAIRS {
        for ppid in [52, 53] {
            let mut ends = Ends::with(stacks, &config);
            ends.connect();
            let long = |length| OutgoingMessage {
                ppid,
                ..message(3, vec![7; length])
            };
            let refused = ends.ends[0].send(ends.now, &long(3_001));
            let too_long = SendRefused::TooLong {
                length: 3_001,
                limit: 3_000,
            };
            assert_eq!(refused, Err(too_long));
            ends.send(0, &long(3_000));
            ends.send(0, &long(2_999));
            ends.run_until(|ends| !ends.got[1].messages.is_empty());
            assert!(
                ends.has_seen(1, AssociationEvent::TooLong { stream: 3 }),
                "{stacks:?}"
            );
            assert_eq!(ends.payloads(1)[0].len(), 2_999, "{stacks:?}");
        }
    }
}

#[test]
fn an_unordered_message_overtakes_what_waits() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(100);
        ends.send(0, &message(1, "lost at first"));
        ends.poll();
        ends.lose(0);
        ends.send(0, &message(1, "waits"));
        let unordered = OutgoingMessage {
            ordered: false,
            ..message(1, "overtakes")
        };
        ends.send(0, &unordered);
        ends.run_for(Duration::from_secs(10));
        let expected: [&[u8]; 3] = [b"overtakes", b"lost at first", b"waits"];
        assert_eq!(ends.payloads(1), expected, "{stacks:?}");
    }
}

#[test]
fn a_message_longer_than_the_window_gets_through() {
    let config = Config {
        receive_window: 65_536,
        ..Config::default()
    };
    let mut ends = Ends::with([Stack::Rtc; 2], &config);
    ends.connect();
    let long: Vec<u8> = (0..262_144_u32).map(|at| (at / 3) as u8).collect();
    ends.send(0, &message(1, long.clone()));
    ends.send(0, &message(1, "short"));
    ends.run_until(|ends| ends.got[1].messages.len() == 2);
    let expected: [&[u8]; 2] = [&long, b"short"];
    assert_eq!(ends.payloads(1), expected);
}

#[test]
fn a_receiver_that_pauses_loses_nothing() {
    for &stacks in Stack::PAIRS {
        let config = Config {
            receive_window: 65_536,
            ..Config::default()
        };
        let mut ends = Ends::with(stacks, &config);
        ends.connect();
        ends.lose(100);
        for count in 0..200_u8 {
            ends.send(0, &message(1, vec![count; 1_000]));
        }
        ends.run_for(Duration::from_secs(3));
        ends.lose(0);
        ends.run_until(|ends| ends.got[1].messages.len() == 200);
        let firsts = ends.payloads(1).into_iter().map(|payload| payload[0]);
        assert!(firsts.eq(0..200), "{stacks:?}");
    }
}

#[test]
fn a_message_is_delivered_by_reliability_and_order_of_its_own() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        let kinds = [
            (true, Reliability::Reliable),
            (false, Reliability::Reliable),
            (false, Reliability::Lifetime(500)),
            (false, Reliability::Retransmits(0)),
            (true, Reliability::Retransmits(3)),
        ];
        for (stream, (ordered, reliability)) in kinds.into_iter().cycle().take(50).enumerate() {
            let outgoing = OutgoingMessage {
                ordered,
                reliability,
                ..message(stream as u16 % 3, vec![stream as u8])
            };
            ends.send(0, &outgoing);
        }
        ends.run_for(Duration::from_secs(1));
        let mut got: Vec<u8> = ends
            .payloads(1)
            .into_iter()
            .map(|payload| payload[0])
            .collect();
        got.sort_unstable();
        assert!(got.into_iter().eq(0..50), "{stacks:?}: nothing was lost");
    }
}
