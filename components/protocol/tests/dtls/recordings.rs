//! Connections that are played back.

use flumen_protocol::Time;
use flumen_protocol::dtls::{Config, Connection, Event, Failure, Output, State, Tape};

use crate::pair::{Pair, seconds};

fn keys_and_all(event: &Event) -> String {
    match event {
        Event::Connected(Some(keys)) => keys.local.to_base64() + &keys.remote.to_base64(),
        other => format!("{other:?}"),
    }
}

fn recorded() -> (Pair, Tape) {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.server.connection.record();
    pair.introduce();
    pair.run(seconds(1));
    pair.client.connection.send(pair.now, b"data").unwrap();
    pair.run(seconds(1));
    pair.assert_connected();
    let tape = pair.server.connection.take_tape().unwrap();
    (pair, tape)
}

#[test]
fn a_tape_plays_the_same_bytes_keys_and_events() {
    let (pair, tape) = recorded();
    let written = serde_json::to_string(&tape).unwrap();
    let read: Tape = serde_json::from_str(&written).unwrap();
    let replayed = pair.server.repeat(Connection::recorded(read));
    assert_eq!(replayed.sent, pair.server.sent);
    assert_eq!(replayed.payloads, pair.server.payloads);
    let told = |events: &[Event]| events.iter().map(keys_and_all).collect::<Vec<_>>();
    assert_eq!(told(&replayed.events), told(&pair.server.events));
    assert_eq!(replayed.state(), State::Connected);
    let again = replayed.connection.remote_certificate();
    assert_eq!(again, pair.server.connection.remote_certificate());
}

#[test]
fn other_calls_than_were_recorded_fail_it() {
    let (_, tape) = recorded();
    let mut again = Connection::recorded(tape);
    assert!(again.send(Time::ZERO, b"never sent").is_err());
    let mut out = Output::default();
    again.poll(Time::ZERO, &mut out);
    let failed = |event: &Event| matches!(event, Event::Failed(Failure::Diverged));
    assert!(out.events.iter().any(failed));
    assert_eq!(again.state(), State::Failed);
}

#[test]
fn debug_output_of_a_tape_holds_no_keys() {
    let (pair, tape) = recorded();
    let told = format!("{tape:?} {:?}", pair.server.events);
    let key = pair.server.keys().unwrap().local.to_base64();
    assert!(!told.contains(&key) && told.len() < 300, "{told}");
}
