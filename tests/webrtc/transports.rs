//! WebRTC transports are made, asked after and refused.

use std::time::Duration;

use flumen::dtls::{ConnectError, Fingerprint, HashAlgorithm, Identity};
use flumen::{
    AppData, CreateTransportError, DtlsParameters, DtlsRole, DtlsState, IceState, ListenInfo,
    NotWebRtc, OpenTransportError, SctpOptions, WebRtcListen, WebRtcTransportOptions,
};
use flumen_tests::{Peer, Room, SENDER, address, fails};
use serde_json::json;

#[test]
fn a_new_transport_tells_all_that_a_peer_must_know() {
    let mut room = Room::new();
    let transport = room.webrtc_with(|options| WebRtcTransportOptions {
        sctp: Some(SctpOptions::default()),
        ..options
    });
    let engine = &room.engine;
    let ice = serde_json::to_value(engine.ice_parameters(transport).unwrap()).unwrap();
    assert_eq!(ice["iceLite"], true);
    assert!(ice["usernameFragment"].as_str().unwrap().len() >= 8);
    assert!(ice["password"].as_str().unwrap().len() >= 26);
    let candidates = serde_json::to_value(engine.ice_candidates(transport).unwrap()).unwrap();
    assert_eq!(candidates[0]["foundation"], "udpcandidate");
    assert_eq!(candidates[0]["type"], "host");
    let dtls = serde_json::to_value(engine.dtls_parameters(transport).unwrap()).unwrap();
    assert_eq!(dtls["role"], "auto");
    assert_eq!(dtls["fingerprints"].as_array().unwrap().len(), 5);
    assert_eq!(engine.ice_role(transport), Ok("controlled"));
    assert_eq!(engine.ice_state(transport), Ok(IceState::New));
    assert_eq!(engine.dtls_state(transport), Ok(DtlsState::New));
    assert_eq!(engine.ice_selected_tuple(transport), Ok(None));
    assert!(
        engine
            .sctp_parameters(transport)
            .unwrap()
            .unwrap()
            .is_data_channel
    );
}

#[test]
fn a_transport_keeps_its_certificate_when_later_ones_get_another() {
    let mut room = Room::new();
    let [before, also_before] = [(); 2].map(|()| room.webrtc());
    let told = room.engine.dtls_parameters(before).unwrap();
    let other = Identity::generate().unwrap();
    room.engine.set_dtls_identity(&other);
    let later = room.webrtc();
    assert_eq!(room.engine.dtls_parameters(before), Ok(told));
    let of_later = room.engine.dtls_parameters(later).unwrap();
    assert_eq!(of_later.fingerprints, other.fingerprints());
    for (port, transport) in (SENDER..).zip([before, also_before, later]) {
        let peer = Peer::join(&mut room, transport, address(port));
        assert!(peer.is_connected());
    }
}

#[test]
fn statistics_and_dumps_have_the_names_of_the_javascript_api() {
    let mut room = Room::new();
    let transport = room.webrtc();
    Peer::join(&mut room, transport, address(SENDER));
    let stats = serde_json::to_value(room.engine.transport_stats(transport).unwrap()).unwrap();
    assert_eq!(stats["type"], "webrtc-transport");
    assert_eq!(stats["iceRole"], "controlled");
    assert_eq!(stats["iceState"], "completed");
    assert_eq!(stats["dtlsState"], "connected");
    assert_eq!(stats["iceSelectedTuple"]["remotePort"], SENDER);
    assert!(stats["bytesReceived"].as_u64().unwrap() > 0);
    let dump = room.engine.dump_transport(transport).unwrap();
    let password = room.engine.ice_parameters(transport).unwrap().password;
    assert!(!serde_json::to_string(&dump).unwrap().contains(&password));
    let dump = serde_json::to_value(dump).unwrap();
    assert_eq!(dump["dtlsParameters"]["role"], "server");
}

#[test]
fn addresses_are_announced_as_they_were_told_to() {
    let mut room = Room::new();
    let mut second = ListenInfo::at("127.0.0.2:7000".parse().unwrap());
    second.announced_address = Some("sfu.example".into());
    second.expose_internal_ip = true;
    let listen = WebRtcListen::Own(vec![ListenInfo::at(address(7_000)), second]);
    let options = WebRtcTransportOptions::new(listen);
    let transport = room
        .engine
        .create_webrtc_transport(room.router, options)
        .unwrap();
    let candidates = room.engine.ice_candidates(transport).unwrap();
    let told: Vec<_> = candidates
        .iter()
        .map(|one| (&one.address[..], one.port))
        .collect();
    assert_eq!(
        told,
        [
            ("127.0.0.1", 7_000),
            ("sfu.example", 7_000),
            ("127.0.0.2", 7_000)
        ]
    );
    assert!(
        candidates
            .windows(2)
            .all(|pair| pair[0].priority > pair[1].priority)
    );
}

#[test]
fn what_listens_nowhere_is_refused() {
    let mut room = Room::new();
    let router = room.router;
    let nowhere = |options: WebRtcTransportOptions| {
        move |room: &mut Room| room.engine.create_webrtc_transport(router, options)
    };
    let none = WebRtcTransportOptions::new(WebRtcListen::Own(Vec::new()));
    let deaf = WebRtcTransportOptions {
        enable_udp: false,
        ..WebRtcTransportOptions::new(WebRtcListen::Own(vec![ListenInfo::at(address(7_000))]))
    };
    for options in [none, deaf] {
        let error = fails(&mut room, nowhere(options));
        assert!(matches!(
            error,
            CreateTransportError::Open(OpenTransportError::NoListener)
        ));
    }
    let error = fails(&mut room, |room| {
        room.engine.create_webrtc_server(&[], AppData::default())
    });
    assert!(matches!(
        error,
        CreateTransportError::Open(OpenTransportError::NoListener)
    ));
}

#[test]
fn a_port_that_is_taken_leaves_nothing_bound() {
    let mut room = Room::new();
    let taken = ListenInfo::at(address(7_001));
    room.engine.open_socket(&taken).unwrap();
    let infos = vec![ListenInfo::at(address(7_000)), taken];
    let options = WebRtcTransportOptions::new(WebRtcListen::Own(infos.clone()));
    let router = room.router;
    let error = fails(&mut room, |room| {
        room.engine.create_webrtc_transport(router, options)
    });
    assert!(matches!(error, CreateTransportError::Bind(_)));
    let error = fails(&mut room, |room| {
        room.engine.create_webrtc_server(&infos, AppData::default())
    });
    assert!(matches!(error, CreateTransportError::Bind(_)));
    room.engine
        .open_socket(&ListenInfo::at(address(7_000)))
        .unwrap();
}

#[test]
fn what_cannot_be_of_a_peer_is_refused_and_may_be_tried_again() {
    let mut room = Room::new();
    let transport = room.webrtc();
    let of = |fingerprints| DtlsParameters {
        role: DtlsRole::Client,
        fingerprints,
    };
    let sha1 = Fingerprint::of(b"x", HashAlgorithm::Sha1);
    let broken = Fingerprint {
        value: "AB".into(),
        ..Fingerprint::of(b"x", HashAlgorithm::Sha256)
    };
    for (fingerprints, expected) in [
        (vec![], ConnectError::NoFingerprint),
        (vec![sha1], ConnectError::NoSupportedFingerprint),
        (vec![broken], ConnectError::InvalidFingerprint("AB".into())),
    ] {
        let error = fails(&mut room, |room| {
            room.engine.connect_webrtc(transport, &of(fingerprints))
        });
        assert_eq!(error, expected.into());
    }
    let right = of(vec![Fingerprint::of(b"x", HashAlgorithm::Sha256)]);
    room.engine.connect_webrtc(transport, &right).unwrap();
    let error = fails(&mut room, |room| {
        room.engine.connect_webrtc(transport, &right)
    });
    assert_eq!(error, ConnectError::AlreadyConnected.into());
}

#[test]
fn other_transports_have_none_of_it() {
    let mut room = Room::new();
    for transport in [room.direct(), room.unconnected()] {
        assert_eq!(
            room.engine.ice_parameters(transport),
            Err(NotWebRtc::OtherKind)
        );
        assert_eq!(room.engine.dtls_state(transport), Err(NotWebRtc::OtherKind));
        assert_eq!(
            room.engine.restart_ice(transport),
            Err(NotWebRtc::OtherKind)
        );
    }
    let transport = room.webrtc();
    room.engine.close_transport(transport).unwrap();
    assert!(matches!(
        room.engine.ice_state(transport),
        Err(NotWebRtc::Closed(_))
    ));
}

#[test]
fn silence_has_its_bounds() {
    for (asked, after) in [(1, 10), (30, 30), (600, 60)] {
        let mut room = Room::new();
        let transport = room.webrtc_with(|options| WebRtcTransportOptions {
            ice_consent_timeout: Duration::from_secs(asked),
            ..options
        });
        let mut peer = Peer::new(&room, transport, address(SENDER));
        peer.check(&room, flumen_tests::Check::NOMINATING);
        peer.turn(&mut room);
        room.tick_after(Duration::from_secs(after) - Duration::from_millis(1));
        assert_eq!(
            room.engine.ice_state(transport),
            Ok(IceState::Completed),
            "{asked}"
        );
        room.tick_after(Duration::from_millis(2));
        assert_eq!(
            room.engine.ice_state(transport),
            Ok(IceState::Disconnected),
            "{asked}"
        );
    }
}

#[test]
fn options_of_listening_have_the_names_of_the_javascript_api() {
    let info: ListenInfo = serde_json::from_value(json!({
        "protocol": "udp", "ip": "127.0.0.1", "announcedAddress": "a", "exposeInternalIp": true
    }))
    .unwrap();
    assert!(info.expose_internal_ip);
}
