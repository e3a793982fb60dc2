//! What somebody sends who can write the peer's address on it.

use std::time::Duration;

use flumen_protocol::dtls::{Config, Failure, State};

use crate::hostile::client_hello;
use crate::pair::{Pair, seconds};
use crate::versions::in_1_3;

fn pair() -> Pair {
    Pair::new(Config::default(), Config::default())
}

/// A record without protection.
fn record(content_type: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![
        content_type,
        0xfe,
        0xfd,
        0,
        0,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
    ];
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A record with the first bytes of a handshake message.
fn fragment(kind: u8, message: u8, length: u16, there: u16) -> Vec<u8> {
    let ([a, b], [c, d]) = (length.to_be_bytes(), there.to_be_bytes());
    let mut body = vec![kind, 0, a, b, 0, message, 0, 0, 0, 0, c, d];
    body.resize(12 + usize::from(there), 7);
    record(22, &body)
}

/// The same within protection, which it is not.
fn protected(mut record: Vec<u8>) -> Vec<u8> {
    record[4] = 1;
    record
}

/// Sends to both ends, every millisecond of a handshake and for a while behind it.
fn disturb(pair: &mut Pair, forged: &[Vec<u8>]) {
    for _ in 0..100 {
        for datagram in forged {
            pair.inject_to_client(datagram);
            pair.inject_to_server(datagram);
        }
        pair.run(Duration::from_millis(1));
    }
}

/// Both are connected, and data crosses.
fn assert_alive(pair: &mut Pair) {
    pair.assert_connected();
    pair.client.connection.send(pair.now, b"to").unwrap();
    pair.server.connection.send(pair.now, b"fro").unwrap();
    pair.run(seconds(1));
    assert_eq!(pair.server.payloads, [b"to"]);
    assert_eq!(pair.client.payloads, [b"fro"]);
}

#[test]
fn an_alert_during_a_handshake_does_not_end_the_connection_later() {
    for alert in [0, 10, 40, 70, 80] {
        let mut pair = pair();
        pair.introduce();
        disturb(&mut pair, &[record(21, &[2, alert])]);
        let sent = pair.client.sent.len();
        pair.run(seconds(40));
        assert_alive(&mut pair);
        assert_eq!(pair.client.sent.len(), sent + 1, "one datagram of data");
    }
}

#[test]
fn an_alert_behind_the_last_flight_does_not_end_the_connection_later() {
    for begin in [Pair::introduce, in_1_3] {
        let mut pair = pair();
        pair.change = Some(Box::new(|datagram| {
            vec![[datagram, &record(21, &[2, 40])].concat()]
        }));
        begin(&mut pair);
        pair.run(seconds(2));
        pair.change = None;
        pair.run(seconds(38));
        assert_alive(&mut pair);
    }
}

#[test]
fn an_alert_before_anything_has_begun_is_nothing() {
    let mut pair = pair();
    for _ in 0..3 {
        pair.inject_to_client(&record(21, &[2, 40]));
        pair.inject_to_server(&record(21, &[2, 40]));
        pair.run(seconds(20));
    }
    pair.introduce();
    pair.run(seconds(5));
    assert_alive(&mut pair);
}

#[test]
fn an_alert_while_a_handshake_pauses_does_not_end_it() {
    let mut pair = pair();
    pair.path = Box::new(|_| Vec::new());
    pair.introduce();
    // Flights were repeated after 0.5, 1, 2 and 4 seconds, and the next one comes 8 seconds later.
    pair.run(Duration::from_millis(7_600));
    pair.inject_to_client(&record(21, &[2, 40]));
    pair.path = Box::new(|_| vec![Duration::from_millis(10)]);
    pair.run(seconds(12));
    assert_alive(&mut pair);
}

#[test]
fn a_forged_client_hello_long_before_the_genuine_one_does_not_keep_it_out() {
    let mut pair = pair();
    pair.inject_to_server(&client_hello(100));
    pair.run(seconds(40));
    assert_eq!(pair.server.state(), State::Connecting);
    pair.introduce();
    pair.run(seconds(5));
    assert_alive(&mut pair);
}

#[test]
fn fragments_that_are_never_whole_do_not_block_a_handshake() {
    let to_a_client = [
        (11, 23, 16_384),
        (12, 22, 8_192),
        (2, 0, 900),
        (11, 1, 16_384),
    ];
    let to_a_server = [
        (11, 23, 16_384),
        (16, 22, 8_192),
        (16, 3, 900),
        (1, 1, 8_192),
    ];
    let mut pair = pair();
    pair.introduce();
    let forged = [to_a_client, to_a_server].concat().into_iter();
    let forged: Vec<_> = forged
        .map(|(kind, message, length)| fragment(kind, message, length, 64))
        .collect();
    disturb(&mut pair, &forged);
    pair.run(seconds(20));
    assert_alive(&mut pair);
}

#[test]
fn one_whole_message_that_came_first_does_not_block_a_handshake() {
    for (kind, message) in [2, 11, 12, 13, 14]
        .into_iter()
        .flat_map(|kind| (0..6).map(move |at| (kind, at)))
    {
        let mut pair = pair();
        pair.introduce();
        pair.inject_to_client(&fragment(kind, message, 100, 100));
        pair.run(seconds(20));
        assert_alive(&mut pair);
    }
    for (kind, message) in [1, 11, 15, 16]
        .into_iter()
        .flat_map(|kind| (1..6).map(move |at| (kind, at)))
    {
        let mut pair = pair();
        pair.introduce();
        pair.run(Duration::from_millis(15));
        pair.inject_to_server(&fragment(kind, message, 100, 100));
        pair.run(seconds(20));
        assert_alive(&mut pair);
    }
}

#[test]
fn a_flood_during_a_handshake_does_not_block_it() {
    let floods = [
        fragment(11, 9, 1_000, 1_000),
        fragment(11, 1, 1_000, 900),
        fragment(16, 9, 1_000, 1_000),
        protected(fragment(20, 9, 1_000, 1_000)),
        protected(record(23, &[7; 1_000])),
        [vec![0x2f, 0, 1, 3, 0xe8], vec![7; 1_000]].concat(),
    ];
    for begin in [Pair::introduce, in_1_3] {
        for flood in &floods {
            let mut pair = pair();
            begin(&mut pair);
            pair.run(Duration::from_millis(15));
            for _ in 0..100 {
                pair.inject_to_client(flood);
                pair.inject_to_server(flood);
            }
            pair.run(seconds(20));
            assert_alive(&mut pair);
        }
    }
}

#[test]
fn a_flight_without_sense_begins_anew() {
    let mut pair = pair();
    pair.introduce();
    let kinds = [(2, 0), (11, 1), (12, 2), (14, 3)];
    let flight = kinds.map(|(kind, message)| fragment(kind, message, 100, 100));
    pair.inject_to_client(&flight.concat());
    pair.path = Box::new(|_| Vec::new());
    pair.run(Duration::from_millis(100));
    pair.path = Box::new(|_| vec![Duration::from_millis(10)]);
    pair.run(seconds(20));
    assert_alive(&mut pair);
}

#[test]
fn client_hellos_of_others_do_not_keep_the_genuine_one_out() {
    let change = record(20, &[1]);
    let mut pair = pair();
    pair.inject_to_server(&client_hello(100));
    pair.run(Duration::from_millis(1));
    pair.inject_to_server(&change);
    pair.run(Duration::from_millis(100));
    pair.introduce();
    pair.run(seconds(20));
    assert_alive(&mut pair);
}

#[test]
fn many_client_hellos_of_others_do_not_use_up_all_beginnings() {
    let mut pair = pair();
    for seed in 100..108 {
        pair.inject_to_server(&client_hello(seed));
        pair.run(Duration::from_millis(600));
    }
    pair.introduce();
    pair.run(seconds(20));
    assert_alive(&mut pair);
}

#[test]
fn what_was_said_before_a_goodbye_is_heard() {
    let mut pair = pair();
    pair.introduce();
    pair.run(seconds(1));
    pair.client.connection.send(pair.now, b"last").unwrap();
    pair.client.connection.close(pair.now);
    let datagrams = pair.client.turn(pair.now).concat();
    assert_eq!(pair.server.connection.receive(pair.now, &datagrams), Ok(()));
    pair.server.turn(pair.now);
    assert_eq!(pair.server.state(), State::Closed);
    assert_eq!(pair.server.payloads, [b"last"]);
}

#[test]
fn any_number_of_new_beginnings_may_be_allowed() {
    let config = Config {
        new_beginnings: u8::MAX,
        retransmission_ms: 1,
        handshake_timeout_ms: 300_000,
        ..Config::default()
    };
    let mut pair = Pair::new(config, Config::default());
    pair.path = Box::new(|_| Vec::new());
    pair.introduce();
    let kinds = [(2, 0), (11, 1), (12, 2), (14, 3)];
    let flight = kinds.map(|(kind, message)| fragment(kind, message, 100, 100));
    for _ in 0..600 {
        pair.inject_to_client(&flight.concat());
        pair.run(Duration::from_millis(2));
    }
    assert!(pair.client.sent.len() > 256, "it begins and begins");
    pair.run(seconds(1));
    assert_eq!(pair.client.state(), State::Connecting);
}

#[test]
fn forged_records_do_not_end_a_handshake() {
    let alerts: Vec<_> = (0..=120).map(|alert| record(21, &[2, alert])).collect();
    let others = [
        record(20, &[1]),
        record(23, &[7; 40]),
        record(26, &[0, 0]),
        record(99, &[7]),
        record(22, &[7; 40]),
    ];
    for forged in alerts.iter().chain(&others) {
        let mut pair = Pair::new(Config::default(), Config::default());
        pair.introduce();
        for _ in 0..100 {
            pair.inject_to_client(forged);
            pair.inject_to_server(forged);
            pair.run(Duration::from_millis(1));
        }
        pair.run(seconds(20));
        pair.assert_connected();
    }
}

#[test]
fn an_alert_of_a_peer_that_goes_silent_ends_the_handshake() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.path = Box::new(|_| Vec::new());
    pair.introduce();
    pair.run(Duration::from_millis(1));
    pair.inject_to_client(&record(21, &[2, 40]));
    pair.run(seconds(9));
    assert_eq!(pair.client.state(), State::Connecting);
    pair.run(seconds(2));
    assert_eq!(pair.client.failure(), Some(&Failure::Alert(40)));
}
