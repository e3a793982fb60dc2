//! Real UDP sockets on the loopback interface.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::{
    BindError, ConnectError, ConnectOptions, ConsumerOptions, CreateTransportError, Discard,
    Engine, Listen, ListenInfo, OpenTransportError, PlainTransportOptions, PortRange, ProducerId,
    ProducerOptions, RouterId, TransportId,
};
use flumen_tests::feedback::pli;
use flumen_tests::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME, media_codecs, vp8};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

struct Net {
    engine: Engine,
    router: RouterId,
}

/// A socket of somebody else's.
fn peer() -> UdpSocket {
    let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = [0; 2_048];
    let (len, from) = socket
        .recv_from(&mut bytes)
        .expect("a datagram comes in time");
    (bytes[..len].to_vec(), from)
}

fn own(info: ListenInfo) -> PlainTransportOptions {
    PlainTransportOptions::new(Listen::Own(info))
}

fn to(remote: &UdpSocket) -> ConnectOptions {
    let remote = remote.local_addr().unwrap();
    ConnectOptions {
        ip: Some(remote.ip()),
        port: Some(remote.port()),
        ..ConnectOptions::default()
    }
}

fn frame(sequence: u16) -> Vec<u8> {
    Packet::new(96, sequence, 2_222, VP8_KEY_FRAME).bytes()
}

impl Net {
    fn new() -> Self {
        let mut engine = Engine::builder().build().unwrap();
        let router = engine.create_router(&media_codecs()).unwrap();
        Self { engine, router }
    }

    fn open(&mut self, options: PlainTransportOptions) -> TransportId {
        let opened = self.engine.create_plain_transport(self.router, options);
        opened.unwrap()
    }

    /// A transport on a port of its own, connected to `remote`.
    fn plain(&mut self, remote: &UdpSocket) -> TransportId {
        let transport = self.open(own(ListenInfo::new(LOCAL)));
        self.engine.connect(transport, &to(remote)).unwrap();
        transport
    }

    fn produce(&mut self, transport: TransportId, ssrc: u32) -> ProducerId {
        let options = ProducerOptions::new(MediaKind::Video, vp8(ssrc));
        self.engine.produce(transport, options).unwrap()
    }

    fn consume(&mut self, transport: TransportId, producer: ProducerId) -> u32 {
        let capabilities = self.engine.rtp_capabilities(self.router).unwrap().clone();
        let options = ConsumerOptions::new(producer, capabilities);
        let consumer = self.engine.consume(transport, options).unwrap();
        let parameters = self.engine.consumer_parameters(consumer).unwrap();
        parameters.encodings[0].ssrc.unwrap()
    }

    fn local(&self, transport: TransportId) -> SocketAddr {
        let tuple = self.engine.tuple(transport).unwrap().unwrap();
        SocketAddr::new(LOCAL, tuple.local_port)
    }

    fn local_rtcp(&self, transport: TransportId) -> SocketAddr {
        let tuple = self.engine.rtcp_tuple(transport).unwrap().unwrap();
        SocketAddr::new(LOCAL, tuple.local_port)
    }

    /// Runs until `datagrams` more have been received, and the ledgers after every tick.
    fn run(&mut self, datagrams: u64) {
        let due = self.engine.ledger().received + datagrams;
        let deadline = self.engine.clock() + PATIENCE;
        while self.engine.ledger().received < due {
            self.engine.turn(Some(PATIENCE)).unwrap();
            self.engine.check_ledger().unwrap();
            assert!(self.engine.clock() < deadline, "{:?}", self.engine.ledger());
        }
    }
}

#[test]
fn media_crosses_from_socket_to_socket() {
    let mut net = Net::new();
    let (sender, receiver) = (peer(), peer());
    let inward = net.plain(&sender);
    let outward = net.plain(&receiver);
    let producer = net.produce(inward, 2_222);
    let ssrc = net.consume(outward, producer);
    sender.send_to(&frame(10), net.local(inward)).unwrap();
    net.run(1);
    let (bytes, from) = receive(&receiver);
    let packet = Packet::parse(&bytes);
    assert_eq!(
        (packet.ssrc, packet.payload.as_slice()),
        (ssrc, VP8_KEY_FRAME)
    );
    assert_eq!(from, net.local(outward));
}

#[test]
fn rtcp_has_a_socket_of_its_own_when_it_is_not_multiplexed() {
    let mut net = Net::new();
    let (rtp, rtcp, receiver) = (peer(), peer(), peer());
    let mut options = own(ListenInfo::new(LOCAL));
    options.rtcp_mux = false;
    let inward = net.open(options);
    let rtcp_port = rtcp.local_addr().unwrap().port();
    let remote = ConnectOptions {
        rtcp_port: Some(rtcp_port),
        ..to(&rtp)
    };
    net.engine.connect(inward, &remote).unwrap();
    assert_ne!(net.local(inward), net.local_rtcp(inward));
    let outward = net.plain(&receiver);
    let producer = net.produce(inward, 2_222);
    let ssrc = net.consume(outward, producer);
    let delta = Packet::new(96, 9, 2_222, VP8_DELTA_FRAME).bytes();
    rtp.send_to(&delta, net.local(inward)).unwrap();
    net.run(1);
    let (asked, from) = receive(&rtcp);
    assert_eq!((asked[1], from), (206, net.local_rtcp(inward)));
    rtp.send_to(&frame(10), net.local(inward)).unwrap();
    rtcp.send_to(&pli(1), net.local(inward)).unwrap();
    rtcp.send_to(&pli(1), net.local_rtcp(inward)).unwrap();
    net.run(3);
    assert_eq!(Packet::parse(&receive(&receiver).0).ssrc, ssrc);
    let ledger = net.engine.ledger();
    assert_eq!(ledger.consumed.total(), 1);
    assert_eq!(ledger.discarded[Discard::RtcpOnRtpSocket], 1);
}

#[test]
fn a_remote_address_is_learnt_from_the_first_packet() {
    let mut net = Net::new();
    let (sender, thief, receiver) = (peer(), peer(), peer());
    let mut options = own(ListenInfo::new(LOCAL));
    options.comedia = true;
    let inward = net.open(options);
    let outward = net.plain(&receiver);
    let producer = net.produce(inward, 2_222);
    net.consume(outward, producer);
    sender.send_to(&frame(10), net.local(inward)).unwrap();
    net.run(1);
    thief.send_to(&frame(11), net.local(inward)).unwrap();
    net.run(1);
    let learnt = net.engine.tuple(inward).unwrap().unwrap().remote_port;
    assert_eq!(learnt, Some(sender.local_addr().unwrap().port()));
    let discarded = net.engine.ledger().discarded[Discard::UnknownSource];
    assert_eq!(discarded, 1);
    let events = net.engine.drain_events();
    assert_eq!(events.iter().filter(|e| e.name() == "tuple").count(), 2);
}

#[test]
fn many_transports_share_a_socket_and_are_told_apart_by_their_remote_address() {
    let mut net = Net::new();
    let socket = net.engine.open_socket(&ListenInfo::new(LOCAL)).unwrap();
    let listen = || PlainTransportOptions::new(Listen::Shared(socket));
    let senders: Vec<_> = (0..20).map(|_| peer()).collect();
    let receiver = peer();
    let outward = net.plain(&receiver);
    let mut expected = Vec::new();
    for sender in &senders {
        let inward = net.open(listen());
        net.engine.connect(inward, &to(sender)).unwrap();
        // The same SSRC on every transport: only the address tells whose it is.
        let producer = net.produce(inward, 2_222);
        expected.push(net.consume(outward, producer));
        sender.send_to(&frame(10), net.local(inward)).unwrap();
    }
    net.run(20);
    let mut got: Vec<_> = (0..20)
        .map(|_| Packet::parse(&receive(&receiver).0).ssrc)
        .collect();
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
    let late = net.open(listen());
    let taken = net.engine.connect(late, &to(&senders[3]));
    assert!(matches!(taken, Err(ConnectError::RemoteInUse(_))));
    let mut comedia = listen();
    comedia.comedia = true;
    let refused = net.engine.create_plain_transport(net.router, comedia);
    assert!(matches!(
        refused,
        Err(CreateTransportError::Open(
            OpenTransportError::ComediaOnSharedSocket
        ))
    ));
}

#[test]
fn ports_come_from_the_range_until_it_is_used_up_and_return_to_it() {
    let mut net = Net::new();
    let free = peer().local_addr().unwrap().port();
    let mut info = ListenInfo::new(LOCAL);
    info.port_range = Some(PortRange {
        min: free,
        max: free,
    });
    let transport = net.open(own(info.clone()));
    assert_eq!(net.local(transport).port(), free);
    let full = net
        .engine
        .create_plain_transport(net.router, own(info.clone()));
    assert!(matches!(
        full,
        Err(CreateTransportError::Bind(BindError::NoFreePort { .. }))
    ));
    let taken = ListenInfo::at((LOCAL, free).into());
    let taken = net.engine.create_plain_transport(net.router, own(taken));
    assert!(matches!(
        taken,
        Err(CreateTransportError::Bind(BindError::System { .. }))
    ));
    net.engine.close_transport(transport).unwrap();
    net.open(own(info));
}

#[test]
fn tuples_show_the_announced_address() {
    let mut net = Net::new();
    let mut info = ListenInfo::new(LOCAL);
    info.announced_address = Some("sfu.example".into());
    let remote = peer();
    let transport = net.open(own(info));
    net.engine.connect(transport, &to(&remote)).unwrap();
    let tuple = net.engine.tuple(transport).unwrap().unwrap();
    assert_eq!(tuple.local_address, "sfu.example");
    assert_eq!(tuple.remote_ip.as_deref(), Some("127.0.0.1"));
}

#[test]
fn runs_of_equal_datagrams_arrive_one_by_one_and_whole() {
    let mut net = Net::new();
    let (sender, receiver) = (peer(), peer());
    let inward = net.plain(&sender);
    let outward = net.plain(&receiver);
    let producer = net.produce(inward, 2_222);
    net.consume(outward, producer);
    let lengths = (0..60).map(|index: usize| if index % 20 == 19 { 300 } else { 1_100 });
    let payloads: Vec<Vec<u8>> = lengths
        .enumerate()
        .map(|(index, len)| [VP8_KEY_FRAME, &vec![index as u8; len]].concat())
        .collect();
    for (sequence, payload) in (10..).zip(&payloads) {
        let packet = Packet::new(96, sequence, 2_222, payload);
        sender.send_to(&packet.bytes(), net.local(inward)).unwrap();
    }
    net.run(60);
    let first = Packet::parse(&receive(&receiver).0);
    assert_eq!(first.payload, payloads[0]);
    for (offset, payload) in (1..).zip(&payloads[1..]) {
        let packet = Packet::parse(&receive(&receiver).0);
        assert_eq!(&packet.payload, payload);
        assert_eq!(packet.sequence, first.sequence.wrapping_add(offset));
    }
}

#[test]
fn a_receiver_that_is_gone_does_not_disturb_the_others() {
    let mut net = Net::new();
    let (sender, gone, receiver) = (peer(), peer(), peer());
    let socket = net.engine.open_socket(&ListenInfo::new(LOCAL)).unwrap();
    let inward = net.plain(&sender);
    let producer = net.produce(inward, 2_222);
    for remote in [&gone, &receiver] {
        let outward = net.open(PlainTransportOptions::new(Listen::Shared(socket)));
        net.engine.connect(outward, &to(remote)).unwrap();
        net.consume(outward, producer);
    }
    drop(gone);
    for sequence in 10..40 {
        sender.send_to(&frame(sequence), net.local(inward)).unwrap();
        net.run(1);
        let packet = Packet::parse(&receive(&receiver).0);
        assert_eq!(packet.timestamp, u32::from(sequence) * 3_000);
    }
}

#[test]
fn a_socket_for_both_versions_of_ip_reaches_both() {
    for ip in ["127.0.0.1", "::ffff:127.0.0.1"] {
        let mut engine = Engine::builder().build().unwrap();
        let router = engine.create_router(&media_codecs()).unwrap();
        let listen = Listen::Own(ListenInfo::new("::".parse().unwrap()));
        let options = PlainTransportOptions::new(listen);
        let transport = engine.create_plain_transport(router, options).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = peer.local_addr().unwrap().port();
        let to = ConnectOptions {
            ip: Some(ip.parse().unwrap()),
            port: Some(port),
            ..ConnectOptions::default()
        };
        engine.connect(transport, &to).unwrap();
        let producer = ProducerOptions::new(MediaKind::Video, vp8(1_111));
        engine.produce(transport, producer).unwrap();
        let local = engine.tuple(transport).unwrap().unwrap().local_port;
        let packet = Packet::new(96, 1, 1_111, VP8_KEY_FRAME).bytes();
        peer.send_to(&packet, ("127.0.0.1", local)).unwrap();
        while engine.ledger().received == 0 {
            engine.turn(Some(Duration::from_secs(1))).unwrap();
        }
        assert_eq!(engine.ledger().accepted, 1, "{ip}");
    }
}
