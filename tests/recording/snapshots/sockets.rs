//! Real sockets: bound anew where they were, while somebody sends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, PlainTransportOptions,
    ProducerOptions, RestoreError, Snapshot, TransportId,
};
use flumen_tests::{Packet, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, media_codecs, vp8};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

fn peer() -> UdpSocket {
    let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn plain(engine: &mut Engine, router: flumen::RouterId, remote: &UdpSocket) -> TransportId {
    let options = PlainTransportOptions::new(Listen::Own(ListenInfo::new(LOCAL)));
    let transport = engine.create_plain_transport(router, options).unwrap();
    let remote = remote.local_addr().unwrap();
    let to = ConnectOptions {
        ip: Some(remote.ip()),
        port: Some(remote.port()),
        ..ConnectOptions::default()
    };
    engine.connect(transport, &to).unwrap();
    transport
}

fn receive(engine: &mut Engine, socket: &UdpSocket) -> Packet {
    engine.turn(Some(PATIENCE)).unwrap();
    let mut bytes = [0; 2_048];
    let len = socket.recv(&mut bytes).unwrap();
    Packet::parse(&bytes[..len])
}

#[test]
fn forwarding_goes_on_at_the_same_ports() {
    let (sender, receiver) = (peer(), peer());
    let mut engine = Engine::builder().build().unwrap();
    let router = engine.create_router(&media_codecs()).unwrap();
    let from = plain(&mut engine, router, &sender);
    let to = plain(&mut engine, router, &receiver);
    let producer = engine
        .produce(from, ProducerOptions::new(MediaKind::Video, vp8(SSRC)))
        .unwrap();
    let mut capabilities = engine.rtp_capabilities(router).unwrap().clone();
    // Nobody there tells what the path carries.
    capabilities.header_extensions.clear();
    engine
        .consume(to, ConsumerOptions::new(producer, capabilities))
        .unwrap();
    let port = engine.tuple(from).unwrap().unwrap().local_port;
    let mut number = 0_u16;
    let mut send = || {
        let payload = if number == 0 {
            VP8_KEY_FRAME
        } else {
            VP8_DELTA_FRAME
        };
        let bytes = Packet::new(96, number, SSRC, payload).bytes();
        sender
            .send_to(&bytes, SocketAddr::new(LOCAL, port))
            .unwrap();
        number += 1;
    };
    let mut got = Vec::new();
    for _ in 0..50 {
        send();
        got.push(receive(&mut engine, &receiver));
    }
    let before = engine.clock();
    let bytes = engine.snapshot().unwrap().to_bytes();
    let snapshot = Snapshot::from_bytes(&bytes).unwrap();
    // However long ago the last packet came: clocks of receivers are told no other time behind it.
    assert!(snapshot.at() >= before);
    let Err(taken) = Engine::builder().restore(&snapshot) else {
        panic!("the ports are in use");
    };
    assert!(matches!(taken, RestoreError::Bind { .. }), "{taken}");
    let then = engine.clock();
    drop(engine);
    let mut engine = Engine::builder().restore(&snapshot).unwrap();
    assert!(engine.clock() >= snapshot.at() && engine.clock().since(then) < PATIENCE);
    for _ in 0..50 {
        send();
        got.push(receive(&mut engine, &receiver));
    }
    for pair in got.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
    }
}
