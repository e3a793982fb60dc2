//! Sessions of WebRTC transports: media goes on, what a library had does not.

use flumen::components::wire::classify::{PacketKind, classify};
use flumen::dtls::Identity;
use flumen::{Discard, DtlsState, Event, IceState, SctpState};
use flumen_tests::{Channels, Packet, Peer, Room, VP8_KEY_FRAME, address, turn_all};

#[test]
fn browsers_get_on_without_a_handshake() {
    let mut room = Room::new();
    let (mut peers, ..) = room.browsers();
    let transports = [0, 1].map(|peer: usize| peers[peer].transport);
    // The rollover counter is one by then.
    let mut number = 65_000_u16;
    let mut talk = |room: &mut Room, peers: &mut [Peer], packets| {
        for _ in 0..packets {
            number = number.wrapping_add(1);
            peers[0].send(room, &Packet::new(96, number, 2_222, VP8_KEY_FRAME));
            room.tick();
            turn_all(room, peers);
        }
    };
    talk(&mut room, &mut peers, 1_000);
    let before = peers[1].rtp.len();
    room.snapshot(true);
    talk(&mut room, &mut peers, 300);
    assert_eq!(peers[1].rtp.len(), before + 300);
    assert_eq!(peers[1].unopened, 0);
    let numbers: Vec<u16> = peers[1].rtp.iter().map(|packet| packet.sequence).collect();
    assert!(
        numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1))
    );
    for transport in transports {
        assert_eq!(
            room.engine.dtls_state(transport).unwrap(),
            DtlsState::Connected
        );
        assert_eq!(
            room.engine.ice_state(transport).unwrap(),
            IceState::Completed
        );
    }
    // Checks are answered with the credentials of before, and a restart of ICE goes on.
    let answered = peers[0].answers.len();
    peers[0].check(&room, flumen_tests::Check::default());
    room.tick();
    turn_all(&mut room, &mut peers);
    assert_eq!(peers[0].answers.len(), answered + 1);
}

#[test]
fn a_transport_keeps_its_certificate_in_a_snapshot() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let told = room.engine.dtls_parameters(transport).unwrap();
    let other = Identity::generate().unwrap();
    room.engine.set_dtls_identity(&other);
    room.snapshot(true);
    assert_eq!(room.engine.dtls_parameters(transport), Ok(told));
    assert!(Peer::join(&mut room, transport, address(5_000)).is_connected());
    let later = room.webrtc();
    let of_later = room.engine.dtls_parameters(later).unwrap();
    assert_eq!(of_later.fingerprints, other.fingerprints());
}

#[test]
fn keys_that_were_agreed_on_and_not_used_yet_are_not_lost() {
    for elsewhere in [false, true] {
        let mut room = Room::new();
        let transport = room.webrtc();
        let mut peer = Peer::new(&room, transport, address(5_000));
        peer.hear_of(&room, flumen::DtlsRole::Server);
        peer.check(&room, flumen_tests::Check::NOMINATING);
        for _ in 0..20 {
            peer.turn(&mut room);
        }
        assert!(peer.is_connected());
        // The application hears late who that is.
        let told = peer.dtls_parameters(flumen::DtlsRole::Client);
        room.engine.connect_webrtc(transport, &told).unwrap();
        room.snapshot(elsewhere);
        room.tick();
        peer.send(&room, &Packet::new(96, 1, 2_222, VP8_KEY_FRAME));
        room.tick();
        let stats = room.engine.transport_stats(transport).unwrap();
        assert_eq!(stats.discarded[Discard::SrtpKeysMissing], 0);
        assert_eq!(
            stats.discarded[Discard::UnknownProducer],
            1,
            "{:?}",
            stats.discarded
        );
    }
}

#[test]
fn a_handshake_that_was_under_way_begins_anew() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(5_000));
    peer.signal(&mut room);
    peer.check(
        &room,
        flumen_tests::Check {
            use_candidate: true,
            ..Default::default()
        },
    );
    for _ in 0..2 {
        room.tick();
    }
    assert_eq!(
        room.engine.dtls_state(transport).unwrap(),
        DtlsState::Connecting
    );
    room.snapshot(true);
    for _ in 0..3_000 {
        if peer.is_connected() {
            break;
        }
        peer.turn(&mut room);
    }
    assert_eq!(
        room.engine.dtls_state(transport).unwrap(),
        DtlsState::Connected
    );
}

#[test]
fn an_association_comes_back_closed_with_its_event() {
    let mut channels = Channels::new();
    channels.open(4, "chat");
    channels.room.snapshot(true);
    channels.room.tick();
    let room = &mut channels.room;
    let told: Vec<_> = room.engine.drain_events().into_iter().collect();
    let is_closed = |event: &Event| match event {
        Event::SctpStateChanged(changed) => changed.state == SctpState::Closed,
        _ => false,
    };
    assert!(told.iter().any(is_closed), "{told:?}");
    assert_eq!(
        room.engine.sctp_state(channels.transport).unwrap(),
        Some(SctpState::Closed)
    );
    assert_eq!(
        room.engine.dtls_state(channels.transport).unwrap(),
        DtlsState::Connected
    );
    // Told once.
    room.snapshot(true);
    room.tick();
    assert!(!room.engine.drain_events().iter().any(is_closed));
}

#[test]
fn an_association_that_nobody_began_is_there() {
    let mut channels = Channels::new();
    let waits = channels
        .room
        .webrtc_with(|options| flumen::WebRtcTransportOptions {
            sctp: Some(flumen::SctpOptions::default()),
            ..options
        });
    channels.room.snapshot(true);
    channels.room.tick();
    let state = channels.room.engine.sctp_state(waits).unwrap();
    assert_eq!(state, Some(SctpState::New));
}

#[test]
fn connections_of_tcp_have_ended() {
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    let mut peer = Peer::join_over_tcp(&mut room, transport, address(5_000));
    assert!(peer.is_connected());
    room.snapshot(true);
    room.tick();
    assert_eq!(
        room.engine.ice_state(transport).unwrap(),
        IceState::Disconnected
    );
    // It connects again, and goes on.
    assert!(room.wire.connect(peer.server, peer.address));
    peer.check(
        &room,
        flumen_tests::Check {
            use_candidate: true,
            ..Default::default()
        },
    );
    room.tick();
    let sent = room.on_the_wire();
    assert!(
        sent.iter()
            .any(|sent| classify(&sent.bytes) == Some(PacketKind::Stun))
    );
    assert_ne!(
        room.engine.ice_state(transport).unwrap(),
        IceState::Disconnected
    );
}
