//! One port for any number of WebRTC transports.

use std::collections::BTreeSet;
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{
    AppData, Discard, Event, IceState, ListenInfo, WebRtcListen, WebRtcServerId,
    WebRtcTransportOptions,
};
use flumen_tests::{Check, Packet, Peer, Room, SSRC, VP8_KEY_FRAME, address, turn_all, vp8};

fn server(room: &mut Room) -> WebRtcServerId {
    let info = ListenInfo::at(address(3_478));
    room.engine
        .create_webrtc_server(&[info], AppData::default())
        .unwrap()
}

fn on(server: WebRtcServerId) -> WebRtcTransportOptions {
    WebRtcTransportOptions::new(WebRtcListen::Server(server))
}

#[test]
fn a_hundred_transports_share_a_port() {
    let mut room = Room::new();
    let server = server(&mut room);
    let mut peers: Vec<_> = (0..100)
        .map(|number| {
            let transport = room
                .engine
                .create_webrtc_transport(room.router, on(server))
                .unwrap();
            Peer::new(&room, transport, address(10_000 + number))
        })
        .collect();
    let ports: BTreeSet<_> = peers.iter().map(|peer| peer.server).collect();
    assert_eq!(ports.len(), 1);
    for peer in &mut peers {
        peer.check(&room, Check::NOMINATING);
    }
    room.tick();
    turn_all(&mut room, &mut peers);
    for peer in &peers {
        assert_eq!(peer.answers, [Ok(peer.address)]);
        let tuple = room
            .engine
            .ice_selected_tuple(peer.transport)
            .unwrap()
            .unwrap();
        assert_eq!(tuple.remote(), Some(peer.address));
    }
}

#[test]
fn checks_for_one_transport_leave_room_for_those_of_another() {
    let mut room = Room::new();
    let server = server(&mut room);
    let [flooded, other] = [(); 2].map(|()| {
        room.engine
            .create_webrtc_transport(room.router, on(server))
            .unwrap()
    });
    let mut flooding = Peer::new(&room, flooded, address(10_000));
    flooding.parameters.password = "unsigned".into();
    let mut newcomer = Peer::new(&room, other, address(20_000));
    for number in 0..200 {
        let check = flooding.check_bytes(Check::NOMINATING);
        room.wire
            .inject(flooding.server, address(10_001 + number), &check);
    }
    newcomer.check(&room, Check::NOMINATING);
    newcomer.turn(&mut room);
    assert_eq!(newcomer.answers, [Ok(newcomer.address)]);
}

#[test]
fn media_on_one_port_finds_its_way() {
    let mut room = Room::new();
    let server = server(&mut room);
    let [sender, receiver] = [(); 2].map(|()| {
        room.engine
            .create_webrtc_transport(room.router, on(server))
            .unwrap()
    });
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let sending = Peer::join(&mut room, sender, address(5_000));
    let receiving = Peer::join(&mut room, receiver, address(6_000));
    room.consume(receiver, producer);
    let mut peers = [sending, receiving];
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.tick();
    turn_all(&mut room, &mut peers);
    assert_eq!((peers[0].rtp.len(), peers[1].rtp.len()), (0, 1));
}

/// Two transports of one server: a call goes on over the first one, whose peer is at 5,000.
fn call_beside(room: &mut Room) -> (Peer, flumen::TransportId) {
    let server = server(room);
    let [called, other] = [(); 2].map(|()| {
        room.engine
            .create_webrtc_transport(room.router, on(server))
            .unwrap()
    });
    room.produce(called, MediaKind::Video, vp8(SSRC));
    (Peer::join(room, called, address(5_000)), other)
}

#[test]
fn who_writes_another_peers_address_on_a_check_gets_nothing_of_its_own() {
    let mut room = Room::new();
    let (mut peer, other) = call_beside(&mut room);
    let mut forger = Peer::new(&room, other, peer.address);
    for sequence in 1..=50 {
        room.tick_after(Duration::from_millis(200));
        forger.check(&room, Check::NOMINATING);
        peer.send(&room, &Packet::new(96, sequence, SSRC, VP8_KEY_FRAME));
        room.tick();
    }
    assert_eq!(room.engine.ledger().accepted, 50);
    assert_eq!(room.engine.ledger().discarded[Discard::TakenTuple], 50);
    let state = |transport| room.engine.ice_state(transport).unwrap();
    assert_eq!(state(peer.transport), IceState::Completed);
    assert_eq!(state(other), IceState::New);
}

#[test]
fn an_address_whose_peer_is_silent_is_whose_check_comes_from_it() {
    let mut room = Room::new();
    let (gone, new) = call_beside(&mut room);
    room.tick_after(Duration::from_secs(14));
    let mut early = Peer::new(&room, new, gone.address);
    early.check(&room, Check::NOMINATING);
    room.tick();
    assert_eq!(room.engine.ice_state(new), Ok(IceState::New));
    room.tick_after(Duration::from_secs(1));
    let peer = Peer::join(&mut room, new, gone.address);
    assert!(peer.is_connected());
    let gone = room.engine.ice_state(gone.transport);
    assert_eq!(gone, Ok(IceState::Disconnected));
}

#[test]
fn a_server_that_closes_takes_its_transports_along() {
    let mut room = Room::new();
    let server = server(&mut room);
    let transport = room
        .engine
        .create_webrtc_transport(room.router, on(server))
        .unwrap();
    let mut peer = Peer::join(&mut room, transport, address(5_000));
    room.engine.drain_events();
    room.engine.close_webrtc_server(server).unwrap();
    turn_all(&mut room, std::slice::from_mut(&mut peer));
    assert_eq!(
        peer.dtls.state(),
        flumen::DtlsState::Closed,
        "it said goodbye"
    );
    assert!(room.engine.closed(transport) && room.engine.closed(server));
    let names: Vec<_> = room.engine.drain_events().iter().map(Event::name).collect();
    assert_eq!(
        names,
        [
            "webrtctransportunhandled",
            "listenserverclose",
            "close",
            "close"
        ]
    );
    assert!(
        !room.wire.inject(peer.server, peer.address, b"x"),
        "the port is free"
    );
    room.tick();
}

#[test]
fn a_transport_that_closes_leaves_its_server_to_others() {
    let mut room = Room::new();
    let server = server(&mut room);
    let [one, two] = [(); 2].map(|()| {
        room.engine
            .create_webrtc_transport(room.router, on(server))
            .unwrap()
    });
    let mut first = Peer::join(&mut room, one, address(5_000));
    let mut second = Peer::join(&mut room, two, address(6_000));
    room.engine.close_transport(one).unwrap();
    room.tick();
    for peer in [&mut first, &mut second] {
        peer.answers.clear();
        peer.check(&room, Check::NOMINATING);
        peer.turn(&mut room);
    }
    assert_eq!((first.answers.len(), second.answers.len()), (0, 1));
}

#[test]
fn a_server_without_transports_counts_what_comes() {
    let mut room = Room::new();
    server(&mut room);
    let datagrams: [&[u8]; 4] = [&[0, 1, 0, 0], &[22, 254, 253], &[0x80, 96], &[]];
    for datagram in datagrams {
        assert!(room.wire.inject(address(3_478), address(5_000), datagram));
        room.tick();
    }
    assert_eq!(room.engine.ledger().discarded.total(), 4);
    assert!(room.received().is_empty());
}
