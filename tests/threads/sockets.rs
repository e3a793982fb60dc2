//! Several threads write to real sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::srtp::CryptoSuite;
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, PlainTransportOptions,
    ProducerOptions, RouterId, TransportId,
};
use flumen_tests::{Packet, SrtpPeer, VP8_KEY_FRAME, media_codecs, vp8};

use crate::house::many;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const GCM: CryptoSuite = CryptoSuite::AeadAes128Gcm;
/// What a test may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const STREAMS: [u32; 2] = [2_222, 3_333];
/// Packets of each stream.
const PACKETS: u16 = 300;
/// Of these, so many come at once.
const BURST: u16 = 10;

/// Somebody who gets every stream.
struct Receiver {
    socket: UdpSocket,
    srtp: Option<SrtpPeer>,
    /// The numbers that came, by stream.
    got: Vec<(u32, Vec<u16>)>,
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((LOCAL, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn open(
    engine: &mut Engine,
    router: RouterId,
    options: PlainTransportOptions,
    remote: &UdpSocket,
) -> (TransportId, Option<SrtpPeer>) {
    let suite = options.enable_srtp.then_some(GCM);
    let transport = engine.create_plain_transport(router, options).unwrap();
    let to = ConnectOptions {
        srtp_parameters: suite.map(SrtpPeer::parameters),
        ..ConnectOptions::from(remote.local_addr().unwrap())
    };
    engine.connect(transport, &to).unwrap();
    let ours = engine.srtp_parameters(transport).unwrap();
    let peer = ours.map(|ours| SrtpPeer::new(&ours.key().unwrap(), &SrtpPeer::key(GCM)));
    (transport, peer)
}

impl Receiver {
    /// Takes in one datagram; RTCP is not looked at.
    fn receive(&mut self) {
        let mut bytes = [0; 2_048];
        let len = self.socket.recv(&mut bytes).expect("it comes in time");
        let datagram = match &mut self.srtp {
            Some(peer) => peer.open(&bytes[..len]).unwrap(),
            None => bytes[..len].to_vec(),
        };
        if datagram[1] & 0x7f > 63 && datagram[1] & 0x7f < 96 {
            return;
        }
        let packet = Packet::parse(&datagram);
        match self.got.iter_mut().find(|(ssrc, _)| *ssrc == packet.ssrc) {
            Some((_, numbers)) => numbers.push(packet.sequence),
            None => self.got.push((packet.ssrc, vec![packet.sequence])),
        }
    }

    fn packets(&self) -> usize {
        self.got.iter().map(|(_, numbers)| numbers.len()).sum()
    }
}

/// Streams go to receivers on one shared socket and on sockets of their own: all of each arrives, in
/// its order.
fn all_arrives_in_order(threads: usize, shared: bool, sealed: bool) {
    let builder = many(Engine::builder(), threads).datagrams_per_socket(1_000);
    let mut engine = builder.build().unwrap();
    let router = engine.create_router(&media_codecs()).unwrap();
    let info = ListenInfo::new(LOCAL);
    let one = engine.open_socket(&info).unwrap();
    let source = socket();
    let own = PlainTransportOptions::new(Listen::Own(info.clone()));
    let (sender, _) = open(&mut engine, router, own.clone(), &source);
    let local = engine.tuple(sender).unwrap().unwrap().local_port;
    let producers = STREAMS.map(|ssrc| {
        let options = ProducerOptions::new(MediaKind::Video, vp8(ssrc));
        engine.produce(sender, options).unwrap()
    });
    let join = |_| {
        let socket = socket();
        let plain = match shared {
            true => PlainTransportOptions::new(Listen::Shared(one)),
            false => own.clone(),
        };
        let options = PlainTransportOptions {
            enable_srtp: sealed,
            srtp_crypto_suite: GCM,
            ..plain
        };
        let (transport, srtp) = open(&mut engine, router, options, &socket);
        for producer in producers {
            let capabilities = engine.rtp_capabilities(router).unwrap().clone();
            let options = ConsumerOptions::new(producer, capabilities);
            engine.consume(transport, options).unwrap();
        }
        let got = Vec::new();
        Receiver { socket, srtp, got }
    };
    let mut receivers: Vec<_> = (0..24).map(join).collect();
    let to = SocketAddr::new(LOCAL, local);
    for first in (0..PACKETS).step_by(BURST.into()) {
        for number in first..first + BURST {
            for ssrc in STREAMS {
                let packet = Packet::new(96, number, ssrc, VP8_KEY_FRAME).bytes();
                source.send_to(&packet, to).unwrap();
            }
        }
        let due = usize::from(first + BURST) * STREAMS.len();
        while (engine.ledger().accepted as usize) < due {
            engine.turn(Some(PATIENCE)).unwrap();
        }
        for receiver in &mut receivers {
            while receiver.packets() < due {
                receiver.receive();
            }
        }
    }
    engine.check_ledger().unwrap();
    for receiver in receivers {
        assert_eq!(receiver.got.len(), STREAMS.len());
        for (ssrc, numbers) in receiver.got {
            let first = numbers[0];
            let expected: Vec<_> = (0..PACKETS)
                .map(|number| first.wrapping_add(number))
                .collect();
            assert_eq!(
                numbers, expected,
                "{ssrc}: {threads} threads, shared: {shared}"
            );
        }
    }
}

#[test]
fn all_that_several_threads_write_arrives_and_in_order() {
    for threads in [1, 2, 4] {
        for shared in [true, false] {
            all_arrives_in_order(threads, shared, false);
            all_arrives_in_order(threads, shared, true);
        }
    }
}
