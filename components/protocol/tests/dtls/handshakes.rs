//! Handshakes that come to a good end, or to the right bad one.

use flumen_protocol::dtls::{Config, Event, Failure, HashAlgorithm, Role, SendError, State};
use flumen_protocol::srtp::CryptoSuite;

use crate::pair::{Pair, seconds};
use crate::versions::in_1_3;

fn pair() -> Pair {
    Pair::new(Config::default(), Config::default())
}

#[test]
fn both_ends_get_each_others_keys() {
    let mut pair = pair();
    pair.introduce();
    pair.run(seconds(1));
    pair.assert_connected();
    let suite = pair.server.keys().unwrap().suite();
    assert_eq!(suite, CryptoSuite::AeadAes128Gcm);
    let certificate = pair.client.connection.remote_certificate();
    assert_eq!(certificate, Some(pair.server.identity.certificate()));
    assert!(matches!(
        pair.client.events[..],
        [Event::Connecting, Event::Connected(_)]
    ));
}

/// A deadline in ten years is one for every connection that ever was.
#[test]
fn nothing_is_due_on_a_connection_that_is_there() {
    for begin in [Pair::introduce, in_1_3] {
        let mut pair = pair();
        begin(&mut pair);
        pair.run(seconds(60));
        pair.assert_connected();
        let ends = [&pair.client, &pair.server];
        assert_eq!(ends.map(|end| end.connection.next_timeout()), [None; 2]);
    }
}

#[test]
fn data_crosses_in_both_directions() {
    let mut pair = pair();
    pair.introduce();
    pair.run(seconds(1));
    for length in [1, 100, 1_100] {
        let data = vec![7; length];
        pair.client.connection.send(pair.now, &data).unwrap();
        pair.server.connection.send(pair.now, &data).unwrap();
        pair.run(seconds(1));
        assert_eq!(pair.server.payloads.pop(), Some(data.clone()));
        assert_eq!(pair.client.payloads.pop(), Some(data));
    }
}

#[test]
fn a_client_hello_before_connect_is_answered_and_verified_afterwards() {
    let mut pair = pair();
    let server = pair.server.parameters(Role::Auto);
    pair.client.connection.connect(pair.now, &server).unwrap();
    pair.client.connection.start(pair.now);
    pair.run(seconds(1));
    assert_eq!(pair.client.state(), State::Connected);
    assert_eq!(pair.server.state(), State::Connecting);
    pair.client.connection.send(pair.now, b"early").unwrap();
    pair.run(seconds(1));
    assert!(pair.server.payloads.is_empty());
    let client = pair.client.parameters(Role::Auto);
    let role = pair.server.connection.connect(pair.now, &client);
    assert_eq!(role, Ok(Role::Server));
    pair.run(seconds(1));
    pair.assert_connected();
    assert_eq!(pair.server.payloads, [b"early"]);
}

#[test]
fn a_certificate_that_was_not_told_of_ends_the_connection() {
    let mut pair = pair();
    let (mut client, server) = (
        pair.client.parameters(Role::Client),
        pair.server.parameters(Role::Server),
    );
    let other = Pair::new(Config::default(), Config::default()).client;
    client.fingerprints = other.identity.fingerprints().to_vec();
    pair.client.connection.connect(pair.now, &server).unwrap();
    pair.server.connection.connect(pair.now, &client).unwrap();
    pair.client.connection.start(pair.now);
    pair.run(seconds(1));
    assert_eq!(pair.server.failure(), Some(&Failure::Fingerprint));
    assert!(pair.server.keys().is_none());
    assert_eq!(pair.client.state(), State::Closed);
}

#[test]
fn a_goodbye_is_heard_by_the_other_end() {
    for from_client in [true, false] {
        let mut pair = pair();
        pair.introduce();
        pair.run(seconds(1));
        let end = if from_client {
            &mut pair.client
        } else {
            &mut pair.server
        };
        end.connection.close(pair.now);
        pair.run(seconds(1));
        assert_eq!(pair.client.state(), State::Closed);
        assert_eq!(pair.server.state(), State::Closed);
        assert!(pair.client.connection.next_timeout().is_none());
    }
}

#[test]
fn nobody_is_waited_for_without_end() {
    let mut pair = pair();
    pair.path = Box::new(|_| Vec::new());
    pair.introduce();
    pair.run(seconds(29));
    assert_eq!(pair.client.state(), State::Connecting);
    let sent = pair.client.sent.len();
    assert!((5..=12).contains(&sent), "{sent}");
    pair.run(seconds(2));
    assert_eq!(pair.client.failure(), Some(&Failure::TimedOut));
    assert_eq!(pair.server.state(), State::Connecting);
}

#[test]
fn an_expectation_is_told_once_and_may_be_corrected_before() {
    let mut pair = pair();
    let mut server = pair.server.parameters(Role::Server);
    let all = std::mem::take(&mut server.fingerprints);
    assert!(pair.client.connection.connect(pair.now, &server).is_err());
    server.fingerprints = all[..1].to_vec();
    assert_eq!(server.fingerprints[0].algorithm, HashAlgorithm::Sha1);
    assert!(pair.client.connection.connect(pair.now, &server).is_err());
    server.fingerprints = all;
    assert_eq!(
        pair.client.connection.connect(pair.now, &server),
        Ok(Role::Client)
    );
    assert!(pair.client.connection.connect(pair.now, &server).is_err());
}

#[test]
fn no_datagram_is_longer_than_it_may_be() {
    for begin in [Pair::introduce, in_1_3] {
        for mtu in [400, 1_200] {
            let config = Config {
                mtu,
                ..Config::default()
            };
            let mut pair = Pair::new(config.clone(), config);
            begin(&mut pair);
            pair.run(seconds(2));
            pair.assert_connected();
            let longest = usize::from(mtu) - 37;
            pair.client
                .connection
                .send(pair.now, &vec![7; longest])
                .unwrap();
            let refused = pair.client.connection.send(pair.now, &vec![7; longest + 1]);
            assert_eq!(refused, Err(SendError::TooLong));
            pair.run(seconds(1));
            assert_eq!(pair.server.payloads, [vec![7; longest]]);
            let sent = pair.client.sent.iter().chain(&pair.server.sent);
            assert!(sent.map(Vec::len).max() <= Some(mtu.into()));
        }
    }
}
