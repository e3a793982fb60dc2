//! What every implementation does.

use std::time::Duration;

use flumen::sctp::{Association, Config, Event, SendError, State};
use flumen_tests::{Ends, message, start};

fn pair() -> Ends {
    let epoch = start();
    Ends::new([
        Association::new(Config::default(), epoch),
        Association::new(Config::default(), epoch),
    ])
}

#[test]
fn messages_flow_in_both_directions_once_connected() {
    let mut ends = pair();
    let early = ends.ends[0].send(ends.now, &message(1, "early"));
    assert_eq!(early, Err(SendError::NotConnected));
    ends.connect();
    assert_eq!(
        ends.got[0].events[0].1,
        Event::StateChanged(State::Connecting)
    );
    for count in 0..100_u8 {
        ends.send(0, &message(1, vec![count; 1 + usize::from(count) * 40]));
        ends.send(1, &message(1, vec![count; 3]));
    }
    ends.run_for(Duration::from_secs(5));
    assert_eq!(ends.got[1].messages.len(), 100);
    assert_eq!(ends.got[0].messages.len(), 100);
    assert_eq!(ends.ends[0].buffered(), 0);
    let in_order = ends
        .payloads(1)
        .iter()
        .enumerate()
        .all(|(at, payload)| payload[0] == at as u8);
    assert!(in_order);
}

#[test]
fn both_may_ask_at_once() {
    for _ in 0..20 {
        let mut ends = pair();
        ends.ends[1].connect(ends.now);
        ends.connect();
        ends.send(0, &message(0, "there"));
        ends.send(1, &message(0, "back"));
        ends.run_for(Duration::from_secs(1));
        assert_eq!(ends.payloads(1), [b"there"]);
        assert_eq!(ends.payloads(0), [b"back"]);
    }
}
