//! What WebRTC transports ask of the heap: over TCP, while they idle, and for strangers.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::sctp::{Association, Config, State};
use flumen::{
    AppData, DtlsRole, ListenInfo, SctpOptions, WebRtcListen, WebRtcServerId,
    WebRtcTransportOptions,
};
use flumen_tests::{
    Check, Packet, Peer, Room, VP8_DELTA_FRAME, VP8_KEY_FRAME, start, talk, turn_all,
};

use crate::address;
use crate::counting::{allocations, bytes_kept};

const SSRC: u32 = 2_222;

#[test]
fn a_tick_over_tcp_allocates_nothing() {
    let mut room = Room::new();
    let [sender, receiver] = [(); 2].map(|()| room.webrtc_over_tcp());
    let producer = room.produce_video(sender, SSRC);
    let mut sending = Peer::join_over_tcp(&mut room, sender, address(5_000));
    Peer::join_over_tcp(&mut room, receiver, address(6_000));
    room.consume(receiver, producer);
    room.wire.set_recording(false);
    let mut number = 0_u16;
    let mut run = |room: &mut Room, ticks: u16| -> u64 {
        let step = |_| {
            for _ in 0..4 {
                number += 1;
                let payload = match number % 16 {
                    1 => VP8_KEY_FRAME,
                    _ => VP8_DELTA_FRAME,
                };
                sending.send(room, &Packet::new(96, number, SSRC, payload));
            }
            room.now += Duration::from_millis(20);
            let now = room.now;
            allocations(|| room.engine.tick(now).unwrap())
        };
        (0..ticks).map(step).sum()
    };
    run(&mut room, 1_000);
    room.engine.drain_events();
    let sent = room.engine.ledger().sent;
    assert_eq!(run(&mut room, 200), 0);
    assert!(room.engine.ledger().sent - sent >= 800);
}

/// Transports of a server whose peers are connected, and the bytes that the engine keeps of one
/// more.
struct Idle {
    room: Room,
    server: WebRtcServerId,
    /// With SCTP.
    sctp: bool,
    next: u16,
    kept: i64,
}

impl Idle {
    fn with_sctp(sctp: bool) -> Self {
        let mut room = Room::new();
        let info = ListenInfo::at(address(3_478));
        let server = room
            .engine
            .create_webrtc_server(&[info], AppData::default())
            .unwrap();
        Self {
            room,
            server,
            sctp,
            next: 5_000,
            kept: 0,
        }
    }

    /// Does something of which the heap keeps what is the engine's.
    fn keep<T>(&mut self, act: impl FnOnce(&mut Room) -> T) -> T {
        let before = bytes_kept();
        let result = act(&mut self.room);
        self.kept += bytes_kept() - before;
        result
    }

    fn tick(&mut self) {
        self.keep(|room| {
            room.tick();
            room.engine.drain_events();
        });
    }

    fn connect(&mut self) {
        let options = WebRtcTransportOptions {
            sctp: self.sctp.then(SctpOptions::default),
            ..WebRtcTransportOptions::new(WebRtcListen::Server(self.server))
        };
        let router = self.room.router;
        let transport = self.keep(|room| {
            room.engine
                .create_webrtc_transport(router, options)
                .unwrap()
        });
        self.next += 1;
        let mut peer = Peer::new(&self.room, transport, address(self.next));
        let told = peer.dtls_parameters(DtlsRole::Client);
        self.keep(|room| room.engine.connect_webrtc(transport, &told).unwrap());
        peer.hear_of(&self.room, DtlsRole::Server);
        peer.check(&self.room, Check::NOMINATING);
        for _ in 0..20 {
            self.turn(&mut peer);
        }
        assert!(peer.is_connected());
        if self.sctp {
            self.associate(&mut peer);
        }
    }

    fn turn(&mut self, peer: &mut Peer) {
        peer.flush(&self.room);
        self.tick();
        turn_all(&mut self.room, std::slice::from_mut(peer));
    }

    fn associate(&mut self, peer: &mut Peer) {
        // What DTLS adds must fit into a datagram, too.
        let config = Config {
            mtu: 1_100,
            ..Config::default()
        };
        let mut association = Association::new(config, start());
        association.connect(self.room.now);
        for _ in 0..100 {
            talk(&self.room, peer, &mut association);
            self.turn(peer);
        }
        assert_eq!(association.state(), State::Connected);
    }

    /// Bytes that one more transport keeps.
    fn each(mut self) -> i64 {
        const TRANSPORTS: i64 = 32;
        (0..TRANSPORTS).for_each(|_| self.connect());
        self.kept = 0;
        (0..TRANSPORTS).for_each(|_| self.connect());
        self.kept / TRANSPORTS
    }
}

#[test]
fn an_idle_transport_keeps_no_more_than_this() {
    let each = Idle::with_sctp(false).each();
    assert!(each <= 24 << 10, "{each} bytes");
}

#[test]
fn an_idle_transport_with_sctp_keeps_no_more_than_this() {
    let each = Idle::with_sctp(true).each();
    assert!(each <= 34 << 10, "{each} bytes");
}

/// Half a datagram each, of the longest that a length can say.
#[test]
fn ten_thousand_connections_that_bring_halves_keep_a_bounded_number_of_bytes() {
    let mut room = Room::new();
    let transport = room.webrtc_over_tcp();
    let peer = Peer::join_over_tcp(&mut room, transport, address(5_000));
    let half = [&[255, 255][..], &[0x80; 2_040]].concat();
    let flood = |room: &mut Room, numbers: std::ops::Range<u32>| {
        for number in numbers {
            let from = SocketAddr::from(([198, 51, (number >> 8) as u8, number as u8], 9));
            assert!(room.wire.connect(peer.server, from));
            room.wire.write(peer.server, from, &half);
            if number % 50 == 0 {
                room.tick();
            }
        }
        room.tick();
    };
    flood(&mut room, 0..1_000);
    let before = bytes_kept();
    flood(&mut room, 1_000..11_000);
    let more = bytes_kept() - before;
    assert!(
        more < 4_096,
        "{more} bytes more after 11,000 than after 1,000"
    );
}
