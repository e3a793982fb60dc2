//! What strangers send to WebRTC transports costs little, is not answered and changes nothing.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::Path;
use flumen::components::wire::stun::{BINDING, Class, Writer};
use flumen::rtp_parameters::MediaKind;
use flumen::stun::IntegrityKey;
use flumen::{Control, Discard, DtlsState, IceState, Refusal};
use flumen_tests::{
    Check, Packet, Peer, RECEIVER, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, vp8,
};

fn stranger(number: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, (number >> 8) as u8], 1_024 + number))
}

/// A call of one producer and a consumer, and the room.
fn call(room: &mut Room) -> [Peer; 2] {
    let [sender, receiver] = [(); 2].map(|()| room.webrtc());
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let peers = [
        Peer::join(room, sender, address(SENDER)),
        Peer::join(room, receiver, address(RECEIVER)),
    ];
    room.consume(receiver, producer);
    peers
}

#[test]
fn thousands_of_strangers_are_not_answered_and_move_nothing() {
    let mut room = Room::new();
    let mut peers = call(&mut room);
    let before = room.engine.ledger().clone();
    peers[1].parameters.password = "guessed".into();
    for number in 0..4_000 {
        let check = peers[1].check_bytes(Check::NOMINATING);
        room.wire.inject(peers[1].server, stranger(number), &check);
    }
    for sequence in 0..40 {
        let payload = if sequence == 0 {
            VP8_KEY_FRAME
        } else {
            VP8_DELTA_FRAME
        };
        peers[0].send(&room, &Packet::new(96, sequence, SSRC, payload));
        room.tick();
        assert!(
            room.received()
                .iter()
                .all(|sent| sent.to.ip() == peers[0].address.ip())
        );
    }
    let tuple = room
        .engine
        .ice_selected_tuple(peers[1].transport)
        .unwrap()
        .unwrap();
    assert_eq!(tuple.remote(), Some(address(RECEIVER)));
    let ledger = room.engine.ledger();
    assert_eq!(
        ledger.consumed[Control::Stun],
        before.consumed[Control::Stun]
    );
    let unsigned = ledger.discarded[Discard::UnauthenticatedCheck];
    let unread = ledger.discarded[Discard::TooManyChecks];
    assert_eq!(unsigned + unread, 4_000);
    assert!(unread > 0, "of a tick's few are read: {unsigned}");
    assert_eq!(ledger.accepted, before.accepted + 40, "the call goes on");
}

#[test]
fn strangers_who_name_a_peer_keep_none_of_its_checks_from_being_read() {
    let mut room = Room::new();
    let mut peers = call(&mut room);
    let peer = &mut peers[1];
    let mut forger = Peer::new(&room, peer.transport, stranger(0));
    forger.parameters.password = "guessed".into();
    for answered in 1..=20 {
        for number in 0..100 {
            let check = forger.check_bytes(Check::NOMINATING);
            room.wire.inject(peer.server, stranger(number), &check);
        }
        peer.answers.clear();
        peer.check(&room, Check::default());
        peer.turn(&mut room);
        assert_eq!(peer.answers, [Ok(peer.address)], "{answered}");
    }
    assert!(room.engine.ledger().discarded[Discard::TooManyChecks] > 0);
}

#[test]
fn a_check_that_was_caught_cannot_move_a_stream() {
    let mut room = Room::new();
    let mut peers = call(&mut room);
    let check = peers[1].check_bytes(Check::NOMINATING);
    room.wire.inject(peers[1].server, peers[1].address, &check);
    room.tick();
    room.received();
    room.wire.inject(peers[1].server, stranger(1), &check);
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    assert!(room.received().iter().all(|sent| sent.to != stranger(1)));
    assert_eq!(room.engine.ledger().discarded[Discard::RepeatedCheck], 1);
}

#[test]
fn a_packet_from_elsewhere_cannot_move_a_stream() {
    let mut room = Room::new();
    let mut peers = call(&mut room);
    let packet = peers[0].sealed(&Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.wire.inject(peers[0].server, stranger(1), &packet);
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 0);
    let tuple = room
        .engine
        .ice_selected_tuple(peers[0].transport)
        .unwrap()
        .unwrap();
    assert_eq!(tuple.remote(), Some(address(SENDER)));
    peers[0].send(&room, &Packet::new(96, 2, SSRC, VP8_KEY_FRAME));
    room.tick();
    assert_eq!(room.engine.ledger().accepted, 1);
}

/// A peer has what it gets sent to somebody who did not ask for it: the first stranger.
fn aim(room: &Room, peer: &mut Peer) {
    let aimed = Check {
        nomination: Some(9),
        ..Check::default()
    };
    let check = peer.check_bytes(aimed);
    room.wire.inject(peer.server, stranger(1), &check);
}

/// What that one gets in a tick.
fn bytes_to_the_victim(room: &mut Room) -> usize {
    let sent = room.received();
    let aimed = sent.iter().filter(|sent| sent.to == stranger(1));
    aimed.map(|sent| sent.bytes.len()).sum()
}

#[test]
fn a_victim_gets_little_of_a_stream_that_is_aimed_at_it() {
    let mut room = Room::with(|builder| builder.ice_unproven_bytes(3_000));
    let mut peers = call(&mut room);
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    room.received();
    aim(&room, &mut peers[1]);
    let mut bytes = 0;
    for sequence in 2..100 {
        peers[0].send(&room, &Packet::new(96, sequence, SSRC, &[0x10; 1_000]));
        room.tick();
        bytes += bytes_to_the_victim(&mut room);
    }
    assert!((1..4_000).contains(&bytes), "{bytes} bytes");
    assert!(room.engine.ledger().refused[Refusal::Unproven] > 90);
}

#[test]
fn what_a_victim_does_not_get_takes_no_number_that_would_be_missed() {
    let mut room = Room::with(|builder| builder.ice_unproven_bytes(3_000));
    let mut peers = call(&mut room);
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    aim(&room, &mut peers[1]);
    room.tick();
    let receiver = room.engine.entity(peers[1].transport).unwrap();
    let next = |room: &Room| {
        let path = room.engine.world().get::<Path>(receiver).unwrap();
        path.transport_sequence
    };
    let (before, enqueued) = (next(&room), room.engine.ledger().enqueued);
    room.received();
    let mut packets = 0;
    for sequence in 2..20 {
        peers[0].send(&room, &Packet::new(96, sequence, SSRC, &[0x10; 1_000]));
        room.tick();
        let sent = room.received();
        let media = sent.iter().filter(|sent| sent.bytes.len() > 1_000);
        packets += media.count() as u16;
    }
    assert_eq!(room.engine.ledger().enqueued, enqueued + 18);
    assert!((1..5).contains(&packets), "{packets}");
    assert_eq!(next(&room) - before, packets);
}

#[test]
fn a_victim_gets_few_reports_that_are_aimed_at_it() {
    let mut room = Room::with(|builder| builder.ice_unproven_bytes(3_000));
    let (mut peers, producer, _) = room.browsers();
    for _ in 0..40 {
        room.consume(peers[1].transport, producer);
    }
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    room.received();
    aim(&room, &mut peers[1]);
    let mut bytes = 0;
    for _ in 0..200 {
        room.tick_after(Duration::from_millis(100));
        bytes += bytes_to_the_victim(&mut room);
    }
    assert!((1..4_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_peer_that_asks_from_everywhere_holds_a_few_ways() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    for number in 0..2_000 {
        let check = peer.check_bytes(Check::default());
        room.wire.inject(peer.server, stranger(number), &check);
        room.tick();
    }
    let agent = room.engine.entity(transport).unwrap();
    let agent = room
        .engine
        .world()
        .get::<flumen::components::IceAgent>(agent)
        .unwrap();
    assert_eq!(agent.tuples().count(), 8);
    let tuple = room.engine.ice_selected_tuple(transport).unwrap().unwrap();
    assert_eq!(tuple.remote(), Some(address(SENDER)));
}

#[test]
fn dtls_is_taken_from_ways_that_checks_came_by_alone() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    peer.signal(&mut room);
    peer.flush(&room);
    room.tick();
    assert!(room.received().is_empty(), "no check has come");
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::New));
    assert_eq!(room.engine.ledger().discarded[Discard::UnknownSource], 1);
}

#[test]
fn a_certificate_that_was_not_told_of_ends_it_with_nothing_sent() {
    let mut room = Room::new();
    let [sender, receiver] = [(); 2].map(|()| room.webrtc());
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let mut sending = Peer::join(&mut room, sender, address(SENDER));
    room.consume(receiver, producer);
    let mut peer = Peer::new(&room, receiver, address(RECEIVER));
    let other = Peer::new(&room, receiver, address(RECEIVER));
    let told = other.dtls_parameters(flumen::DtlsRole::Client);
    room.engine.connect_webrtc(receiver, &told).unwrap();
    peer.hear_of(&room, flumen::DtlsRole::Server);
    peer.check(&room, Check::NOMINATING);
    for sequence in 1..20 {
        sending.send(&room, &Packet::new(96, sequence, SSRC, VP8_KEY_FRAME));
        peer.turn(&mut room);
    }
    assert_eq!(room.engine.dtls_state(receiver), Ok(DtlsState::Failed));
    assert_eq!((peer.rtp.len(), peer.rtcp.len(), peer.unopened), (0, 0, 0));
}

/// A record with a piece of a message of which the whole is said to be this long.
fn fragment(total: u32, offset: u32, body: &[u8]) -> Vec<u8> {
    let three = |number: u32| number.to_be_bytes()[1..].to_vec();
    let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1];
    record.extend((12 + body.len() as u16).to_be_bytes());
    record.push(1);
    record.extend(three(total));
    record.extend([0, 0]);
    record.extend(three(offset));
    record.extend(three(body.len() as u32));
    record.extend(body);
    record
}

#[test]
fn a_flood_of_client_hellos_is_answered_a_few_times_and_troubles_nobody_else() {
    let mut room = Room::new();
    let mut peers = call(&mut room);
    let transport = room.webrtc();
    let mut flooding = Peer::new(&room, transport, stranger(1));
    flooding.check(&room, Check::NOMINATING);
    flooding.turn(&mut room);
    let mut answers = 0;
    for number in 0..200_u16 {
        let mut hello = Peer::new(&room, transport, stranger(number));
        hello.address = flooding.address;
        hello.hear_of(&room, flumen::DtlsRole::Server);
        hello.flush(&room);
        for (total, offset) in [
            (60_000, 100 * u32::from(number)),
            (0x00ff_ffff, 0),
            (200, 150),
        ] {
            let piece = fragment(total, offset, &[number as u8; 100]);
            room.wire.inject(flooding.server, flooding.address, &piece);
        }
        peers[0].send(&room, &Packet::new(96, number, SSRC, VP8_KEY_FRAME));
        room.tick();
        let sent = room.received();
        let to = |address| sent.iter().filter(|sent| sent.to == address).count();
        answers += to(flooding.address);
        assert!(to(peers[1].address) > 0, "the call goes on");
    }
    assert!(answers < 100, "{answers} answers to 200 greetings");
}

#[test]
fn stun_that_is_no_check_is_not_answered() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    let username = format!("{}:peer", peer.parameters.username_fragment);
    let key = IntegrityKey::new(&peer.parameters.password);
    let mut messages = vec![
        vec![0; 20],
        vec![0, 1, 0, 0],
        peer.signed("nobody:peer", Check::default()),
    ];
    for class in [Class::Indication, Class::Success, Class::Error] {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, class, BINDING, [1; 12]);
        writer.username(username.as_bytes());
        key.seal(writer);
        messages.push(bytes);
    }
    let mut unsigned = Vec::new();
    Writer::new(&mut unsigned, Class::Request, BINDING, [1; 12]).username(username.as_bytes());
    messages.push(unsigned);
    for message in &messages {
        room.wire.inject(peer.server, peer.address, message);
        room.tick();
    }
    assert!(room.received().is_empty());
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::New));
}
