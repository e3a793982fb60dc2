//! What somebody sends who can write the peer's address on it.

use flumen_protocol::dtls::{Config, Failure, State};

use crate::pair::{Pair, seconds};

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
            pair.run(std::time::Duration::from_millis(1));
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
    pair.inject_to_client(&record(21, &[2, 40]));
    pair.run(seconds(4));
    assert_eq!(pair.client.state(), State::Connecting);
    pair.run(seconds(2));
    assert_eq!(pair.client.failure(), Some(&Failure::Alert(40)));
}
