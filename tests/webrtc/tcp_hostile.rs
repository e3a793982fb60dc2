//! What strangers do with TCP costs little and is bounded.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::{Control, Discard, TransportId};
use flumen_tests::{Check, Packet, Peer, Room, SENDER, SSRC, VP8_KEY_FRAME, address, framed, vp8};

fn stranger(number: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, (number >> 8) as u8], 1_024 + number))
}

/// How many strangers are connected.
fn connected(room: &Room, server: SocketAddr, strangers: u16) -> usize {
    let is_connected = |&number: &u16| room.wire.is_connected(server, stranger(number));
    (0..strangers).filter(is_connected).count()
}

fn found(room: &mut Room) -> (TransportId, Peer) {
    let transport = room.webrtc_over_tcp();
    let peer = Peer::join_over_tcp(room, transport, address(SENDER));
    (transport, peer)
}

#[test]
fn who_proves_nothing_in_time_is_hung_up_on() {
    let mut room = Room::with(|builder| builder.tcp_unproven_timeout_ms(2_000));
    let (_, peer) = found(&mut room);
    room.wire.connect(peer.server, stranger(0));
    room.tick();
    room.tick_after(Duration::from_millis(1_000));
    room.wire.connect(peer.server, stranger(1));
    room.wire.write(peer.server, stranger(1), &[0, 200, 1]);
    room.tick();
    let mut left = |span| {
        room.tick_after(Duration::from_millis(span));
        [0, 1].map(|number| room.wire.is_connected(peer.server, stranger(number)))
    };
    assert_eq!(left(900), [true, true]);
    assert_eq!(left(150), [false, true]);
    assert_eq!(left(1_000), [false, false]);
    assert!(room.wire.is_connected(peer.server, peer.address));
}

#[test]
fn a_flood_of_connections_holds_a_few_and_keeps_nobody_out() {
    let mut room = Room::with(|builder| builder.tcp_unproven_connections_per_socket(20));
    let (transport, peer) = found(&mut room);
    let tcp = flumen::components::Protocol::Tcp;
    let mut other = Peer::over(tcp, &room, transport, address(SENDER + 1));
    // All of them at one address.
    let stranger = |number| SocketAddr::from(([198, 51, 100, 1], 1_024 + number));
    for number in 0..1_000 {
        room.wire.connect(peer.server, stranger(number));
        if number % 7 == 0 {
            room.tick();
        }
    }
    room.tick();
    let is_held = |number: &u16| room.wire.is_connected(peer.server, stranger(*number));
    assert_eq!((0..1_000).filter(is_held).count(), 19, "and the newcomer");
    assert!(room.wire.is_connected(peer.server, peer.address));
    other.check(&room, Check::NOMINATING);
    other.turn(&mut room);
    assert_eq!(other.answers.len(), 1);
}

#[test]
fn connections_in_all_are_bounded() {
    let mut room = Room::with(|builder| builder.tcp_connections_per_socket(5));
    let (_, peer) = found(&mut room);
    for number in 0..50 {
        room.wire.connect(peer.server, stranger(number));
        room.tick();
    }
    assert_eq!(connected(&room, peer.server, 50), 4);
    assert!(room.wire.is_connected(peer.server, peer.address));
}

#[test]
fn a_peer_that_connects_again_and_again_holds_a_few_ways() {
    let mut room = Room::new();
    let (_, mut peer) = found(&mut room);
    for number in 0..100 {
        room.wire.connect(peer.server, stranger(number));
        let check = framed(&peer.check_bytes(Check::default()));
        room.wire.write(peer.server, stranger(number), &check);
        room.tick();
    }
    assert_eq!(connected(&room, peer.server, 100), 7, "and the first one");
    assert!(room.wire.is_connected(peer.server, peer.address));
}

#[test]
fn frames_of_any_length_are_counted_and_passed_over() {
    let mut room = Room::new();
    let (_, mut peer) = found(&mut room);
    let before = room.engine.ledger().clone();
    let mut bytes = framed(&[]);
    bytes.extend(framed(&[0x80; 65_535]));
    bytes.extend(framed(&peer.check_bytes(Check::NOMINATING)));
    bytes.extend([255, 255, 0x80]);
    room.wire.write(peer.server, peer.address, &bytes);
    for _ in 0..3 {
        room.tick();
    }
    let ledger = room.engine.ledger();
    let more = |reason| ledger.discarded[reason] - before.discarded[reason];
    assert_eq!((more(Discard::Empty), more(Discard::Truncated)), (1, 1));
    let checks = ledger.consumed[Control::Stun] - before.consumed[Control::Stun];
    assert_eq!(checks, 1, "what is behind it is read");
}

#[test]
fn what_comes_by_a_connection_without_a_check_is_nobodys() {
    let mut room = Room::new();
    let (transport, mut peer) = found(&mut room);
    room.produce(
        transport,
        flumen::rtp_parameters::MediaKind::Video,
        vp8(SSRC),
    );
    room.wire.connect(peer.server, stranger(0));
    let packet = peer.sealed(&Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.wire.write(peer.server, stranger(0), &framed(&packet));
    peer.parameters.password = "guessed".into();
    let check = peer.check_bytes(Check::NOMINATING);
    room.wire.write(peer.server, stranger(0), &framed(&check));
    room.tick();
    let ledger = room.engine.ledger();
    assert_eq!(ledger.accepted, 0);
    assert_eq!(ledger.discarded[Discard::UnknownSource], 1);
    assert_eq!(ledger.discarded[Discard::UnauthenticatedCheck], 1);
    assert!(room.received().iter().all(|sent| sent.to != stranger(0)));
}

#[test]
fn a_flooded_connection_keeps_nobody_waiting() {
    let mut room = Room::new();
    let (_, mut peer) = found(&mut room);
    room.wire.connect(peer.server, stranger(0));
    let flood = framed(&[0x80; 100]).repeat(10_000);
    room.wire.write(peer.server, stranger(0), &flood);
    for _ in 0..20 {
        let answers = peer.answers.len();
        peer.check(&room, Check::NOMINATING);
        peer.turn(&mut room);
        assert_eq!(peer.answers.len(), answers + 1);
    }
}
