//! WebRTC transports are reached over TCP (RFC 6544, RFC 4571) as they are over UDP.

use flumen::components::Protocol;
use flumen::rtp_parameters::MediaKind;
use flumen::{
    AppData, DtlsState, IceState, ListenInfo, Refusal, TransportId, WebRtcListen, WebRtcServerId,
    WebRtcTransportOptions,
};
use flumen_tests::feedback::pli;
use flumen_tests::{
    Check, Packet, Peer, RECEIVER, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    framed, turn_all, vp8,
};
use proptest::prelude::*;

fn infos() -> [ListenInfo; 2] {
    let udp = ListenInfo::at(address(3_478));
    let tcp = ListenInfo {
        protocol: Protocol::Tcp,
        ..udp.clone()
    };
    [udp, tcp]
}

/// A server on one port, of UDP and of TCP.
fn server(room: &mut Room) -> WebRtcServerId {
    room.engine
        .create_webrtc_server(&infos(), AppData::default())
        .unwrap()
}

fn on(room: &mut Room, server: WebRtcServerId) -> TransportId {
    let options = WebRtcTransportOptions::new(WebRtcListen::Server(server));
    room.engine
        .create_webrtc_transport(room.router, options)
        .unwrap()
}

/// A producer whose peer is reached over one protocol, and a consumer.
fn call(room: &mut Room, protocols: [Protocol; 2]) -> [Peer; 2] {
    let server = server(room);
    let [sender, receiver] = [(); 2].map(|()| on(room, server));
    let producer = room.produce(sender, MediaKind::Video, vp8(SSRC));
    let join = |room: &mut Room, protocol, transport, port| match protocol {
        Protocol::Udp => Peer::join(room, transport, address(port)),
        Protocol::Tcp => Peer::join_over_tcp(room, transport, address(port)),
    };
    let peers = [
        join(room, protocols[0], sender, SENDER),
        join(room, protocols[1], receiver, RECEIVER),
    ];
    room.consume(receiver, producer);
    peers
}

fn turn(room: &mut Room, peers: &mut [Peer]) {
    room.tick();
    turn_all(room, peers);
}

#[test]
fn a_server_tells_candidates_of_both_protocols() {
    let mut room = Room::new();
    let server = server(&mut room);
    let listen = WebRtcListen::Server(server);
    let told = |room: &mut Room, options| {
        let made = room.engine.create_webrtc_transport(room.router, options);
        let candidates = room.engine.ice_candidates(made.unwrap()).unwrap();
        let json = serde_json::to_value(candidates).unwrap();
        let of = |one: &serde_json::Value| {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            (text("protocol"), text("tcpType"), one["port"].clone())
        };
        json.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let udp = ("udp".to_owned(), String::new(), 3_478.into());
    let tcp = ("tcp".to_owned(), "passive".to_owned(), 3_478.into());
    let options = WebRtcTransportOptions::new(listen);
    let preferring = WebRtcTransportOptions {
        prefer_tcp: true,
        ..options.clone()
    };
    let without = WebRtcTransportOptions {
        enable_tcp: false,
        ..options.clone()
    };
    assert_eq!(told(&mut room, options), [udp.clone(), tcp.clone()]);
    assert_eq!(told(&mut room, preferring), [tcp, udp.clone()]);
    assert_eq!(told(&mut room, without), [udp]);
}

#[test]
fn a_dump_of_a_server_tells_how_datagrams_find_transports() {
    let mut room = Room::new();
    let server = server(&mut room);
    let [one, two] = [(); 2].map(|()| on(&mut room, server));
    Peer::join_over_tcp(&mut room, two, address(SENDER));
    let before = room.engine.ice_parameters(two).unwrap().username_fragment;
    let after = room.engine.restart_ice(two).unwrap().username_fragment;
    let first = room.engine.ice_parameters(one).unwrap().username_fragment;
    let named = |fragment: &str, transport: TransportId| {
        serde_json::json!({
            "localIceUsernameFragment": fragment, "webRtcTransportId": transport
        })
    };
    let expected = serde_json::json!({
        "id": server,
        "udpSockets": [{"ip": "127.0.0.1", "port": 3_478}],
        "tcpServers": [{"ip": "127.0.0.1", "port": 3_478}],
        "webRtcTransportIds": [one, two],
        "localIceUsernameFragments": [
            named(&first, one), named(&after, two), named(&before, two)
        ],
        "tupleHashes": [{
            "tupleHash": "tcp 127.0.0.1:3478 127.0.0.1:5000", "webRtcTransportId": two
        }],
    });
    let dump = room.engine.dump_webrtc_server(server).unwrap();
    assert_eq!(serde_json::to_value(dump).unwrap(), expected);
    room.engine.close_webrtc_server(server).unwrap();
    assert!(room.engine.dump_webrtc_server(server).is_err());
}

#[test]
fn media_goes_between_any_two_protocols() {
    use Protocol::{Tcp, Udp};
    for protocols in [[Tcp, Udp], [Udp, Tcp], [Tcp, Tcp]] {
        let mut room = Room::new();
        let mut peers = call(&mut room, protocols);
        for sequence in 10..60 {
            let payload = match sequence {
                10 => VP8_KEY_FRAME,
                _ => VP8_DELTA_FRAME,
            };
            peers[0].send(&room, &Packet::new(96, sequence, SSRC, payload));
            turn(&mut room, &mut peers);
        }
        let [sending, receiving] = &mut peers;
        assert_eq!(receiving.rtp.len(), 50, "{protocols:?}");
        assert_eq!(receiving.unopened + sending.unopened, 0);
        sending.rtcp.clear();
        let ssrc = receiving.rtp[0].ssrc;
        room.tick_after(std::time::Duration::from_secs(3));
        receiving.send_rtcp(&room, &pli(ssrc));
        turn(&mut room, &mut peers);
        assert!(!peers[0].rtcp.is_empty(), "RTCP goes both ways");
        room.engine.check_ledger().unwrap();
    }
}

#[test]
fn events_and_statistics_tell_the_protocol() {
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    room.engine.drain_events();
    Peer::join_over_tcp(&mut room, transport, address(SENDER));
    let events = room.engine.drain_events();
    let told = serde_json::to_value(&events[0]).unwrap();
    assert_eq!(told["event"], "iceselectedtuplechange");
    assert_eq!(told["data"]["protocol"], "tcp");
    let stats = serde_json::to_value(room.engine.transport_stats(transport).unwrap()).unwrap();
    assert_eq!(stats["iceSelectedTuple"]["protocol"], "tcp");
}

#[test]
fn a_peer_that_hangs_up_is_gone_and_may_come_back() {
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    let mut peer = Peer::join_over_tcp(&mut room, transport, address(SENDER));
    room.engine.drain_events();
    room.wire.hang_up(peer.server, peer.address);
    room.tick();
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Disconnected));
    assert_eq!(room.engine.ice_selected_tuple(transport), Ok(None));
    let names = room.event_names();
    assert_eq!(names, ["iceselectedtuplechange", "icestatechange"]);
    assert!(!room.wire.is_connected(peer.server, peer.address));
    peer.address = address(SENDER + 1);
    assert!(room.wire.connect(peer.server, peer.address));
    peer.check(&room, Check::NOMINATING);
    peer.turn(&mut room);
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Completed));
    assert_eq!(room.engine.dtls_state(transport), Ok(DtlsState::Connected));
}

#[test]
fn who_also_has_a_way_over_udp_goes_on_by_it() {
    let mut room = Room::new();
    let server = server(&mut room);
    let transport = on(&mut room, server);
    let tcp = Peer::join_over_tcp(&mut room, transport, address(SENDER));
    let mut udp = Peer::new(&room, transport, address(SENDER + 1));
    udp.check(&room, Check::default());
    udp.turn(&mut room);
    let selected = |room: &Room| {
        let tuple = room.engine.ice_selected_tuple(transport).unwrap();
        tuple.unwrap().remote()
    };
    assert_eq!(selected(&room), Some(tcp.address));
    room.wire.hang_up(tcp.server, tcp.address);
    room.tick();
    assert_eq!(selected(&room), Some(udp.address));
}

#[test]
fn what_was_written_before_hanging_up_counts() {
    let mut room = Room::new();
    let mut peers = call(&mut room, [Protocol::Tcp, Protocol::Udp]);
    peers[0].send(&room, &Packet::new(96, 1, SSRC, VP8_KEY_FRAME));
    room.wire.hang_up(peers[0].server, peers[0].address);
    turn(&mut room, &mut peers);
    assert_eq!(peers[1].rtp.len(), 1);
}

#[test]
fn a_transport_that_closes_says_goodbye_and_hangs_up() {
    let mut room = Room::new();
    let server = server(&mut room);
    let transport = on(&mut room, server);
    let mut peer = Peer::join_over_tcp(&mut room, transport, address(SENDER));
    room.engine.close_transport(transport).unwrap();
    turn(&mut room, std::slice::from_mut(&mut peer));
    assert_eq!(peer.dtls.state(), DtlsState::Closed);
    assert!(!room.wire.is_connected(peer.server, peer.address));
    assert!(
        room.wire.connect(peer.server, peer.address),
        "the server listens on"
    );
    room.engine.close_webrtc_server(server).unwrap();
    assert!(!room.wire.connect(peer.server, address(SENDER + 1)));
    room.tick();
}

#[test]
fn a_peer_that_is_silent_for_too_long_is_hung_up_on() {
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    let peer = Peer::join_over_tcp(&mut room, transport, address(SENDER));
    room.tick_after(std::time::Duration::from_secs(31));
    assert_eq!(room.engine.ice_state(transport), Ok(IceState::Disconnected));
    assert!(!room.wire.is_connected(peer.server, peer.address));
}

#[test]
fn a_slow_reader_misses_packets_that_would_wait_for_too_long() {
    let mut room = Room::with(|builder| builder.tcp_unsent_bytes_per_connection(8_000));
    let mut peers = call(&mut room, [Protocol::Udp, Protocol::Tcp]);
    room.wire
        .take_only(peers[1].server, peers[1].address, Some(1_000));
    for sequence in 0..60 {
        let payload = [VP8_KEY_FRAME, &[0; 900]].concat();
        peers[0].send(&room, &Packet::new(96, sequence, SSRC, &payload));
        turn(&mut room, &mut peers);
    }
    let refused = room.engine.ledger().refused[Refusal::ConnectionFull];
    assert!(refused > 40, "{refused}");
    room.wire.take_only(peers[1].server, peers[1].address, None);
    turn(&mut room, &mut peers);
    let came = peers[1].rtp.len() as u64;
    assert!((7..=10).contains(&came), "{came} waited or went");
    peers[0].send(&room, &Packet::new(96, 60, SSRC, VP8_KEY_FRAME));
    turn(&mut room, &mut peers);
    assert_eq!(peers[1].rtp.len() as u64, came + 1);
    assert_eq!(peers[1].unopened, 0, "no datagram was torn");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Checks and media come in pieces, a tick after each.
    #[test]
    fn a_stream_may_come_in_any_pieces(sizes in prop::collection::vec(1..400_usize, 1..60)) {
        let mut room = Room::new();
        let mut peers = call(&mut room, [Protocol::Tcp, Protocol::Udp]);
        let mut bytes = Vec::new();
        for sequence in 1..20 {
            let packet = Packet::new(96, sequence, SSRC, VP8_KEY_FRAME);
            bytes.extend(framed(&peers[0].sealed(&packet)));
            bytes.extend(framed(&peers[0].check_bytes(Check::NOMINATING)));
        }
        let before = peers[0].answers.len();
        let mut rest = &bytes[..];
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            room.wire.write(peers[0].server, peers[0].address, piece);
            turn(&mut room, &mut peers);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(peers[1].rtp.len(), 19);
        prop_assert_eq!(peers[0].answers.len() - before, 19);
    }
}

#[test]
fn a_stream_may_be_split_at_every_byte() {
    let mut room = Room::new();
    let mut peers = call(&mut room, [Protocol::Tcp, Protocol::Udp]);
    let length = framed(&peers[0].check_bytes(Check::NOMINATING)).len();
    for at in 0..=length {
        let before = peers[0].answers.len();
        let bytes = framed(&peers[0].check_bytes(Check::NOMINATING));
        for piece in [&bytes[..at], &bytes[at..]] {
            room.wire.write(peers[0].server, peers[0].address, piece);
            turn(&mut room, &mut peers);
        }
        assert_eq!(peers[0].answers.len(), before + 1, "split at {at}");
    }
}
