//! Transports that cannot be made or connected say why, change nothing, and can be tried again.

use std::io;

use flumen::components::Protocol;
use flumen::srtp::KeyError;
use flumen::{
    BindError, ConnectError, ConnectOptions, CreateTransportError, Listen, ListenInfo,
    OpenTransportError, PlainTransportOptions, PortRange, SrtpCryptoSuite, SrtpParameters,
};
use flumen_tests::{Room, SrtpPeer, address, fails};

#[test]
fn connecting_fails_by_name_and_can_be_tried_again() {
    use ConnectError as E;
    let mut room = Room::new();
    let transport = room.unconnected();
    let options = |ip: Option<&str>, port, rtcp_port| ConnectOptions {
        ip: ip.map(|ip| ip.parse().unwrap()),
        port,
        rtcp_port,
        ..ConnectOptions::default()
    };
    let good = options(Some("127.0.0.1"), Some(7_000), None);
    let cases = [
        (options(None, Some(1), None), E::MissingIp),
        (options(Some("127.0.0.1"), None, None), E::MissingPort),
        (options(Some("127.0.0.1"), Some(0), None), E::ZeroPort),
        (
            options(Some("127.0.0.1"), Some(1), Some(2)),
            E::RtcpPortWithMux,
        ),
    ];
    for (options, expected) in cases {
        let error = fails(&mut room, |room| room.engine.connect(transport, &options));
        assert_eq!(error, expected);
    }
    let sixth = options(Some("::1"), Some(1), None);
    let error = fails(&mut room, |room| room.engine.connect(transport, &sixth));
    assert!(matches!(error, E::AddressFamily { .. }));
    room.engine.connect(transport, &good).unwrap();
    let error = fails(&mut room, |room| room.engine.connect(transport, &good));
    assert_eq!(error, E::AlreadyConnected);
}

#[test]
fn srtp_parameters_are_those_of_a_transport_with_srtp() {
    use ConnectError as E;
    let mut room = Room::new();
    let good = SrtpPeer::parameters(SrtpCryptoSuite::AeadAes256Gcm);
    let options = |parameters: Option<&SrtpParameters>| ConnectOptions {
        srtp_parameters: parameters.cloned(),
        ..ConnectOptions::from(address(7_000))
    };
    let fails = |room: &mut Room, transport, options: &ConnectOptions| {
        fails(room, |room| room.engine.connect(transport, options))
    };
    let plain = room.unconnected();
    let error = fails(&mut room, plain, &options(Some(&good)));
    assert_eq!(error, E::SrtpNotEnabled);
    for comedia in [false, true] {
        let mut sealed = Room::srtp_options(SrtpCryptoSuite::AesCm128HmacSha1_80);
        sealed.comedia = comedia;
        let transport = room.open(sealed);
        let offered = room.engine.srtp_parameters(transport).unwrap();
        let error = fails(&mut room, transport, &options(None));
        assert_eq!(error, E::MissingSrtpParameters);
        let mut wrong = good.clone();
        wrong.key_base64 = "no base64".into();
        let error = fails(&mut room, transport, &options(Some(&wrong)));
        assert_eq!(error, E::SrtpKey(KeyError::Base64));
        for suite in SrtpCryptoSuite::ALL {
            let mut wrong = SrtpPeer::parameters(suite);
            wrong.key_base64 = "c2hvcnQ=".into();
            let error = fails(&mut room, transport, &options(Some(&wrong)));
            assert_eq!(error, E::SrtpKey(KeyError::Length { suite, found: 5 }));
        }
        // They are looked at first.
        let nowhere = ConnectOptions::default();
        let error = fails(&mut room, transport, &nowhere);
        assert_eq!(error, E::MissingSrtpParameters);
        if !comedia {
            let nowhere = ConnectOptions {
                ip: None,
                ..options(Some(&good))
            };
            let error = fails(&mut room, transport, &nowhere);
            assert_eq!(error, E::MissingIp);
        }
        // What failed changed no key.
        assert_eq!(room.engine.srtp_parameters(transport).unwrap(), offered);
        room.engine
            .connect(transport, &options(Some(&good)))
            .unwrap();
        let error = fails(&mut room, transport, &options(Some(&good)));
        assert_eq!(error, E::AlreadyConnected);
    }
}

#[test]
fn rtcp_that_is_not_multiplexed_needs_a_port_of_its_own() {
    let mut room = Room::new();
    let mut options = PlainTransportOptions::new(Listen::Own(ListenInfo::new(address(0).ip())));
    options.rtcp_mux = false;
    let transport = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    let mut connect = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(7_000),
        ..ConnectOptions::default()
    };
    let error = fails(&mut room, |room| room.engine.connect(transport, &connect));
    assert_eq!(error, ConnectError::MissingRtcpPort);
    connect.rtcp_port = Some(0);
    let error = fails(&mut room, |room| room.engine.connect(transport, &connect));
    assert_eq!(error, ConnectError::ZeroPort);
    connect.rtcp_port = Some(7_001);
    room.engine.connect(transport, &connect).unwrap();
}

#[test]
fn on_a_shared_socket_a_remote_address_belongs_to_one_transport() {
    let mut room = Room::new();
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    let options = PlainTransportOptions::new(Listen::Shared(socket));
    let [first, second] = [(), ()].map(|()| {
        room.engine
            .create_plain_transport(room.router, options.clone())
            .unwrap()
    });
    let to = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(7_000),
        ..ConnectOptions::default()
    };
    room.engine.connect(first, &to).unwrap();
    let error = fails(&mut room, |room| room.engine.connect(second, &to));
    assert_eq!(error, ConnectError::RemoteInUse(address(7_000)));
    room.engine.close_transport(first).unwrap();
    room.engine.connect(second, &to).unwrap();
}

fn own(info: ListenInfo) -> PlainTransportOptions {
    PlainTransportOptions::new(Listen::Own(info))
}

fn open(room: &mut Room, options: PlainTransportOptions) -> CreateTransportError {
    fails(room, |room| {
        room.engine.create_plain_transport(room.router, options)
    })
}

#[test]
fn opening_a_plain_transport_fails_by_name() {
    let mut room = Room::new();
    let here = ListenInfo::at(address(9_000));
    let mut tcp = here.clone();
    tcp.protocol = Protocol::Tcp;
    let error = open(&mut room, own(tcp));
    assert!(matches!(
        error,
        CreateTransportError::Bind(BindError::TcpUnsupported)
    ));
    let mut empty = ListenInfo::new(address(0).ip());
    empty.port_range = Some(PortRange { min: 5, max: 4 });
    let error = open(&mut room, own(empty));
    assert!(matches!(
        error,
        CreateTransportError::Bind(BindError::EmptyPortRange { min: 5, max: 4 })
    ));
}

#[test]
fn a_port_that_is_taken_is_free_again_when_its_transport_closes() {
    let mut room = Room::new();
    let here = ListenInfo::at(address(9_000));
    let first = room
        .engine
        .create_plain_transport(room.router, own(here.clone()))
        .unwrap();
    let CreateTransportError::Bind(BindError::System {
        address: at,
        source,
    }) = open(&mut room, own(here.clone()))
    else {
        panic!("the address is in use");
    };
    assert_eq!(
        (at, source.kind()),
        (address(9_000), io::ErrorKind::AddrInUse)
    );
    let mut range = ListenInfo::new(address(0).ip());
    range.port_range = Some(PortRange {
        min: 9_000,
        max: 9_000,
    });
    let error = open(&mut room, own(range.clone()));
    assert!(matches!(
        error,
        CreateTransportError::Bind(BindError::NoFreePort {
            min: 9_000,
            max: 9_000,
            ..
        })
    ));
    // The second socket fails, so the first is given back.
    let mut two = own(ListenInfo::at(address(9_100)));
    two.rtcp_mux = false;
    two.rtcp_listen = Some(Listen::Own(here));
    open(&mut room, two);
    room.engine.close_transport(first).unwrap();
    room.engine
        .create_plain_transport(room.router, own(range))
        .unwrap();
    room.engine
        .create_plain_transport(room.router, own(ListenInfo::at(address(9_100))))
        .unwrap();
}

#[test]
fn comedia_and_shared_sockets_do_not_go_together() {
    let mut room = Room::new();
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    let mut options = PlainTransportOptions::new(Listen::Shared(socket));
    options.comedia = true;
    let open = |room: &mut Room, options: &PlainTransportOptions| {
        room.engine
            .create_plain_transport(room.router, options.clone())
    };
    let error = fails(&mut room, |room| open(room, &options));
    assert!(matches!(
        error,
        CreateTransportError::Open(OpenTransportError::ComediaOnSharedSocket)
    ));
    options.comedia = false;
    open(&mut room, &options).unwrap();
    room.engine.close_socket(socket).unwrap();
    let error = fails(&mut room, |room| open(room, &options));
    assert!(matches!(
        error,
        CreateTransportError::Open(OpenTransportError::Closed(_))
    ));
}
