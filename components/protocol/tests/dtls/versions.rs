//! Who is answered in which version.

use std::time::Duration;

use flumen_protocol::dtls::{Config, Failure, Role, Versions};

use crate::pair::{Pair, seconds};

/// What a server sends that does not speak the version of a ClientHello: alert 70.
const OTHER_VERSION: [u8; 15] = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 70];

/// Has the client ask in 1.3, as one does whose server knows no other version.
pub(crate) fn in_1_3(pair: &mut Pair) {
    let server = pair.server.parameters(Role::Server);
    let client = pair.client.parameters(Role::Client);
    pair.client.introduce(pair.now, &server);
    pair.client.turn(pair.now);
    pair.inject_to_client(&OTHER_VERSION);
    pair.server.introduce(pair.now, &client);
    pair.run(Duration::from_millis(1));
}

/// Whether a datagram has a record that only 1.3 has.
fn is_of_1_3(datagram: &[u8]) -> bool {
    datagram[0] & 0xe0 == 0x20
}

#[test]
fn a_server_that_speaks_another_version_is_asked_in_1_3() {
    let mut pair = Pair::new(Config::default(), Config::default());
    in_1_3(&mut pair);
    pair.run(seconds(2));
    pair.assert_connected();
    assert!(pair.client.sent.iter().any(|datagram| is_of_1_3(datagram)));
    pair.client.connection.send(pair.now, b"data").unwrap();
    pair.run(seconds(1));
    assert_eq!(pair.server.payloads, [b"data"]);
}

#[test]
fn who_allows_1_2_alone_does_not_ask_in_1_3() {
    let only_1_2 = Config {
        versions: Versions::Only1_2,
        ..Config::default()
    };
    let mut pair = Pair::new(only_1_2, Config::default());
    pair.path = Box::new(|_| Vec::new());
    in_1_3(&mut pair);
    pair.run(seconds(10));
    assert_eq!(pair.client.failure(), Some(&Failure::Alert(70)));
    assert!(!pair.client.sent.iter().any(|datagram| is_of_1_3(datagram)));
}
