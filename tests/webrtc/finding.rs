//! WebRTC transports find their peers, follow them, and notice when they are gone.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::IceAgent;
use flumen::rtp_parameters::MediaKind;
use flumen::{ConsumerLayers, DtlsState, Event, IceState};
use flumen_tests::{
    Check, Packet, Peer, RECEIVER, Request, Room, SENDER, SSRC, VP8_KEY_FRAME, address,
    encoding_of, requests_in, turn_all, vp8, vp8_rtx,
};

fn remote(room: &Room, peer: &Peer) -> Option<SocketAddr> {
    let tuple = room.engine.ice_selected_tuple(peer.transport).unwrap();
    tuple.and_then(|tuple| tuple.remote())
}

#[test]
fn a_check_is_answered_in_the_tick_it_comes() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    peer.check(&room, Check::default());
    peer.turn(&mut room);
    assert_eq!(peer.answers, [Ok(peer.address)]);
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Connected));
    assert_eq!(remote(&room, &peer), Some(peer.address));
}

#[test]
fn states_and_selected_ways_are_told_in_order() {
    let mut room = Room::new();
    let transport = room.webrtc();
    room.engine.drain_events();
    let peer = Peer::join(&mut room, transport, address(SENDER));
    let events = room.engine.drain_events();
    let told: Vec<_> = events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .map(|event| (event["event"].clone(), event["data"].clone()))
        .collect();
    let names: Vec<_> = told
        .iter()
        .map(|(name, _)| name.as_str().unwrap())
        .collect();
    let expected = [
        "iceselectedtuplechange",
        "icestatechange",
        "dtlsstatechange",
        "dtlsstatechange",
    ];
    assert_eq!(names, expected);
    assert_eq!(told[0].1["remotePort"], peer.address.port());
    assert_eq!(told[0].1["protocol"], "udp");
    assert_eq!(told[1].1, "completed");
    assert_eq!(
        (told[2].1.as_str(), told[3].1.as_str()),
        (Some("connecting"), Some("connected"))
    );
}

#[test]
fn either_side_may_begin_the_handshake() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    let told = peer.dtls_parameters(flumen::DtlsRole::Server);
    let connected = room.engine.connect_webrtc(transport, &told);
    assert_eq!(connected, Ok(flumen::DtlsRole::Client));
    peer.hear_of(&room, flumen::DtlsRole::Client);
    peer.check(&room, Check::NOMINATING);
    for _ in 0..20 {
        peer.turn(&mut room);
    }
    assert!(peer.is_connected());
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
}

#[test]
fn a_handshake_may_begin_before_signalling_is_done() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    peer.hear_of(&room, flumen::DtlsRole::Server);
    peer.check(&room, Check::NOMINATING);
    for _ in 0..10 {
        peer.turn(&mut room);
    }
    assert_ne!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
    let told = peer.dtls_parameters(flumen::DtlsRole::Client);
    room.engine.connect_webrtc(transport, &told).unwrap();
    for _ in 0..10 {
        peer.turn(&mut room);
    }
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
    let agent = room.engine.entity(transport).unwrap();
    let agent = room.engine.world().get::<IceAgent>(agent).unwrap();
    assert!(agent.is_proven(), "hands were shaken by that way");
}

#[test]
fn a_nat_that_gives_another_port_is_followed() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    let producer = room.produce(transport, MediaKind::Video, vp8(SSRC));
    let receiver = room.webrtc();
    let mut viewer = Peer::join(&mut room, receiver, address(RECEIVER));
    room.consume(receiver, producer);
    let moved = address(RECEIVER + 1);
    viewer.address = moved;
    viewer.check(&room, Check::NOMINATING);
    viewer.turn(&mut room);
    viewer.send_rtcp(&room, &flumen_tests::feedback::pli(1));
    viewer.turn(&mut room);
    assert_eq!(remote(&room, &viewer), Some(moved));
    let packet = Packet::new(96, 1, SSRC, VP8_KEY_FRAME);
    peer.send(&room, &packet);
    room.tick();
    let mut both = [peer, viewer];
    turn_all(&mut room, &mut both);
    assert_eq!(both[1].rtp.len(), 1, "media goes to where it moved");
}

#[test]
fn who_is_silent_for_too_long_is_gone_and_may_come_back() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    room.engine.drain_events();
    room.tick_after(Duration::from_secs(29));
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Completed));
    room.tick_after(Duration::from_secs(2));
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Disconnected));
    assert_eq!(
        room.event_names(),
        ["iceselectedtuplechange", "icestatechange"]
    );
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Completed));
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
}

#[test]
fn who_is_gone_gets_no_layers_and_some_again_when_back() {
    let mut room = Room::new();
    let sender = room.plain(address(SENDER));
    let producer = room.produce(
        sender,
        MediaKind::Video,
        vp8_rtx([1, 2].map(encoding_of).into()),
    );
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(RECEIVER));
    let consumer = room.consume(transport, producer);
    let mut sequence = 0;
    let mut film = |room: &mut Room| {
        sequence += 1;
        for ssrc in [1, 2] {
            room.arrive(sender, &Packet::new(96, sequence, ssrc, VP8_KEY_FRAME));
        }
        room.tick_after(Duration::from_millis(20));
    };
    let told = |room: &mut Room| -> Vec<Option<ConsumerLayers>> {
        let events = room.engine.drain_events().into_iter();
        let layers = events.filter_map(|event| match event {
            Event::LayersChanged(event) => Some(event.layers),
            _ => None,
        });
        layers.collect()
    };
    film(&mut room);
    film(&mut room);
    let all = room.engine.current_layers(consumer).unwrap();
    assert!(all.is_some());
    told(&mut room);
    for _ in 0..29 * 50 {
        film(&mut room);
    }
    assert_eq!(room.engine.current_layers(consumer), Ok(all));
    for _ in 0..2 * 50 {
        film(&mut room);
    }
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Disconnected));
    assert_eq!(room.engine.current_layers(consumer), Ok(None));
    assert_eq!(told(&mut room), [None]);
    film(&mut room);
    assert_eq!(told(&mut room), []);
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    film(&mut room);
    film(&mut room);
    assert!(room.engine.current_layers(consumer).unwrap().is_some());
    assert!(told(&mut room).iter().all(Option::is_some));
}

#[test]
fn a_sender_who_comes_back_is_asked_for_a_key_frame() {
    for delay in [0, 5_000] {
        let mut room = Room::new();
        let transport = room.webrtc();
        let mut peer = Peer::join(&mut room, transport, address(SENDER));
        let options = flumen::ProducerOptions {
            key_frame_request_delay: Duration::from_millis(delay),
            ..flumen::ProducerOptions::new(MediaKind::Video, vp8(SSRC))
        };
        let producer = room.engine.produce(transport, options).unwrap();
        let receiver = room.webrtc();
        let mut viewer = Peer::join(&mut room, receiver, address(RECEIVER));
        peer.send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
        room.tick();
        // Nobody answers the request of who begins to watch, and then the sender is gone.
        room.consume(receiver, producer);
        for _ in 0..3 {
            viewer.check(&room, Check::default());
            room.tick_after(Duration::from_secs(15));
        }
        assert_eq!(room.engine.ice_state(transport), Ok(IceState::Disconnected));
        room.on_the_wire();
        peer.check(&room, Check::NOMINATING);
        let mut both = [peer, viewer];
        turn_all(&mut room, &mut both);
        room.tick();
        turn_all(&mut room, &mut both);
        let asked = both[0].rtcp.iter().flat_map(|it| requests_in(it));
        assert_eq!(asked.collect::<Vec<_>>(), [Request::Pli(SSRC)], "{delay}");
    }
}

#[test]
fn media_is_consent_as_checks_are() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    for _ in 0..4 {
        room.tick_after(Duration::from_secs(20));
        peer.send_rtcp(&room, &flumen_tests::feedback::pli(1));
        room.tick();
    }
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Completed));
}

#[test]
fn a_restart_goes_over_to_the_new_way_once_it_is_nominated() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    let old = peer.parameters.clone();
    let new = room.engine.restart_ice(transport).unwrap();
    assert_ne!(old.username_fragment, new.username_fragment);
    assert_eq!(room.engine.ice_parameters(transport), Ok(new.clone()));
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(peer.answers.len(), 2, "the old name is answered to");
    let before = peer.address;
    peer.parameters = new;
    peer.address = address(SENDER + 1);
    peer.check(&room, Check::default());
    peer.turn(&mut room);
    assert_eq!(remote(&room, &peer), Some(before));
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(remote(&room, &peer), Some(peer.address));
    peer.answers.clear();
    peer.parameters = old;
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(peer.answers, []);
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
}

#[test]
fn a_peer_that_takes_itself_for_controlled_is_told_of_the_conflict() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::new(&room, transport, address(SENDER));
    let controlled = Check {
        controlled: true,
        ..Check::NOMINATING
    };
    peer.check(&room, controlled);
    peer.turn(&mut room);
    assert_eq!(peer.answers, [Err(487)]);
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::New));
}

#[test]
fn a_renomination_moves_at_once() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let mut peer = Peer::join(&mut room, transport, address(SENDER));
    peer.send_rtcp(&room, &flumen_tests::feedback::pli(1));
    peer.turn(&mut room);
    peer.address = address(SENDER + 1);
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(
        remote(&room, &peer),
        Some(address(SENDER)),
        "one check is not enough"
    );
    let renominating = Check {
        nomination: Some(1),
        ..Check::default()
    };
    peer.check(&room, renominating);
    peer.turn(&mut room);
    assert_eq!(remote(&room, &peer), Some(peer.address));
    let told = room.engine.drain_events();
    assert!(
        told.iter()
            .any(|event| matches!(event, Event::IceSelectedTupleChanged(_)))
    );
}
