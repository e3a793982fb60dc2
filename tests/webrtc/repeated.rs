//! A whole call repeats: from a seed but for what libraries draw themselves, and with recordings of
//! its DTLS connections byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::components::wire::{PacketKind, classify};
use flumen::components::{DtlsConnection, Generator};
use flumen::dtls::{Connection, Identity, Tape};
use flumen::rtp_parameters::MediaKind;
use flumen::sctp::{Association, Config, UserMessage};
use flumen::{
    DataConsumerOptions, DataProducerOptions, Engine, SctpOptions, SctpStreamParameters, Time,
    TransportId, WebRtcTransportOptions,
};
use flumen_tests::feedback::{packet, pli};
use flumen_tests::{
    Check, Packet, Peer, RECEIVER, Room, SENDER, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address,
    message, opus, start, talk, vp8, with_retransmissions,
};

/// By how many bytes two ECDSA signatures or certificates of one flight differ at most.
const SIGNATURES: usize = 24;

/// A datagram that the engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    at: Time,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// What was recorded: of the engine's two connections, and of those of its peers.
type Tapes = [[Tape; 2]; 2];

/// A call of somebody who sends sound, pictures and messages, and somebody who gets them.
struct Whole {
    room: Room,
    transports: [TransportId; 2],
    peers: [Peer; 2],
    associations: [Association; 2],
    sent: Vec<Sent>,
    told: Vec<(Time, serde_json::Value)>,
    got: Vec<UserMessage>,
    /// When the last handshake was done.
    shook: Time,
}

fn connection(engine: &mut Engine, transport: TransportId) -> &mut Connection {
    let entity = engine.entity(transport).expect("it is open");
    let connection = engine.world_mut().get_mut::<DtlsConnection>(entity);
    connection.expect("it is a WebRTC transport").into_inner()
}

impl Whole {
    /// A call that begins. Its DTLS connections are recorded, or play what was.
    fn new(identity: &Identity, tapes: Option<Tapes>) -> Self {
        let mut room = Room::with(|builder| builder.dtls_identity(identity.clone()));
        let transports = [(); 2].map(|()| {
            room.webrtc_with(|options| WebRtcTransportOptions {
                sctp: Some(SctpOptions::default()),
                ..options
            })
        });
        let mut peers = [(0, SENDER), (1, RECEIVER)]
            .map(|(index, port)| Peer::new(&room, transports[index], address(port)));
        match tapes {
            Some([engine, others]) => {
                for (transport, tape) in transports.into_iter().zip(engine) {
                    *connection(&mut room.engine, transport) = Connection::recorded(tape);
                }
                for (peer, tape) in peers.iter_mut().zip(others) {
                    peer.dtls = Connection::recorded(tape);
                }
            }
            None => {
                for transport in transports {
                    connection(&mut room.engine, transport).record();
                }
                peers.iter_mut().for_each(|peer| peer.dtls.record());
            }
        }
        // What DTLS adds must fit into a datagram, too.
        let config = Config {
            mtu: 1_100,
            ..Config::default()
        };
        Self {
            room,
            transports,
            peers,
            associations: [1, 2].map(|number| {
                let association = Association::new(config.clone(), start());
                association.drawing_from(Generator::new([9; 32], number))
            }),
            sent: Vec::new(),
            told: Vec::new(),
            got: Vec::new(),
            shook: Time::ZERO,
        }
    }

    /// The call, from the first check to the last word.
    fn run(identity: &Identity, tapes: Option<Tapes>) -> Self {
        let mut call = Self::new(identity, tapes);
        call.meet();
        call.produce();
        for count in 0..120 {
            call.speak(count);
            call.turn();
        }
        call.restart();
        for count in 120..200 {
            call.speak(count);
            call.turn();
        }
        call.peers[0].dtls.close(call.room.now);
        call.turns(20);
        call
    }

    /// Everybody finds the engine and shakes hands with it.
    fn meet(&mut self) {
        for index in 0..2 {
            self.peers[index].signal(&mut self.room);
            self.peers[index].check(&self.room, Check::NOMINATING);
        }
        self.turns(20);
        assert!(self.peers.iter().all(Peer::is_connected));
        self.shook = self.room.now;
        for association in &mut self.associations {
            association.connect(self.room.now);
        }
        self.turns(100);
    }

    /// Both streams are sent on, and messages.
    fn produce(&mut self) {
        let [sender, receiver] = self.transports;
        let streams = [
            (MediaKind::Audio, opus(1_111)),
            (MediaKind::Video, with_retransmissions(vp8(SSRC))),
        ];
        for (kind, parameters) in streams {
            let producer = self.room.produce(sender, kind, parameters);
            self.room.consume(receiver, producer);
        }
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(SctpStreamParameters::new(0)),
            ..DataProducerOptions::default()
        };
        let engine = &mut self.room.engine;
        let chat = engine
            .produce_data(sender, options)
            .expect("the stream is free");
        engine
            .consume_data(receiver, DataConsumerOptions::new(chat))
            .expect("it can be consumed");
    }

    /// Sound and pictures, some of which are lost on their way in and some on their way out, and a
    /// word now and then.
    fn speak(&mut self, count: u16) {
        let sound = Packet::new(111, count, 1_111, &[count as u8; 40]).at(u32::from(count) * 960);
        self.peers[0].send(&self.room, &sound);
        let payload = if count.is_multiple_of(60) {
            VP8_KEY_FRAME
        } else {
            VP8_DELTA_FRAME
        };
        if count % 17 != 5 {
            let picture = Packet::new(96, count, SSRC, payload).at(u32::from(count) * 3_000);
            self.peers[0].send(&self.room, &picture.marked());
        }
        if count.is_multiple_of(20) {
            let words = message(0, vec![count as u8; 100 * usize::from(count) + 1]);
            self.associations[0]
                .send(self.room.now, &words)
                .expect("it is connected");
        }
        if count % 30 == 7 {
            self.complain();
        }
    }

    /// The receiver has lost what came last, and the whole picture with it.
    fn complain(&mut self) {
        let Some(lost) = self.peers[1]
            .rtp
            .iter()
            .rev()
            .find(|one| one.payload != b"")
        else {
            return;
        };
        let nack = packet(0x81, 205, &[1, lost.ssrc, u32::from(lost.sequence) << 16]);
        let lost = lost.ssrc;
        for feedback in [nack, pli(lost)] {
            self.peers[1].send_rtcp(&self.room, &feedback);
        }
    }

    /// The sender comes by another way.
    fn restart(&mut self) {
        let peer = &mut self.peers[0];
        let restarted = self.room.engine.restart_ice(peer.transport);
        peer.parameters = restarted.expect("it is open");
        peer.address = address(SENDER + 1);
        peer.check(&self.room, Check::NOMINATING);
        self.turns(5);
    }

    fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.turn();
        }
    }

    /// Some milliseconds pass, and everything arrives that was sent.
    fn turn(&mut self) {
        for (peer, association) in self.peers.iter_mut().zip(&mut self.associations) {
            peer.flush(&self.room);
            if peer.is_connected() {
                self.got.extend(talk(&self.room, peer, association));
            }
        }
        self.room.tick_after(Duration::from_millis(7));
        let now = self.room.now;
        for datagram in self.room.on_the_wire() {
            let mut peers = self.peers.iter_mut();
            if let Some(peer) = peers.find(|peer| peer.address == datagram.to) {
                peer.receive(&self.room, &datagram.bytes);
            }
            self.sent.push(Sent {
                at: now,
                to: datagram.to,
                bytes: datagram.bytes,
            });
        }
        let events = self.room.engine.drain_events().into_iter();
        let told = events.map(|event| (now, serde_json::to_value(event).expect("it is data")));
        self.told.extend(told);
    }

    /// What was recorded.
    fn tapes(&mut self) -> Tapes {
        let take = |connection: &mut Connection| connection.take_tape().expect("it was recorded");
        let engine = self
            .transports
            .map(|one| take(connection(&mut self.room.engine, one)));
        [
            engine,
            self.peers.each_mut().map(|peer| take(&mut peer.dtls)),
        ]
    }

    /// What peers could read, in order.
    fn read(&self) -> Vec<(Vec<Vec<u8>>, &[Vec<u8>])> {
        let bytes = |peer: &Peer| peer.rtp.iter().map(Packet::bytes).collect();
        self.peers
            .iter()
            .map(|peer| (bytes(peer), &peer.rtcp[..]))
            .collect()
    }
}

/// There was a call, with all that belongs to one.
fn is_whole(call: &Whole) {
    let [sender, receiver] = &call.peers;
    assert!(receiver.rtp.len() > 350, "{} packets", receiver.rtp.len());
    assert!(
        receiver
            .rtp
            .iter()
            .any(|packet| packet.payload_type == 97 || packet.payload_type == 102)
    );
    assert!(
        sender.rtcp.len() > 10,
        "{} reports and requests",
        sender.rtcp.len()
    );
    assert_eq!(receiver.unopened, 0);
    assert_eq!(call.got.len(), 10);
    let told: Vec<_> = call.told.iter().map(|(_, event)| &event["event"]).collect();
    for name in [
        "icestatechange",
        "iceselectedtuplechange",
        "dtlsstatechange",
        "sctpstatechange",
    ] {
        assert!(
            told.iter().any(|told| *told == name),
            "{name} is not among {told:?}"
        );
    }
}

#[test]
fn a_seed_repeats_events_order_times_and_lengths() {
    let identity = Identity::generate().expect("a certificate is made");
    let (first, second) = (Whole::run(&identity, None), Whole::run(&identity, None));
    is_whole(&first);
    assert_eq!(first.told, second.told);
    assert_eq!(first.read(), second.read());
    assert_eq!(first.got, second.got);
    assert_eq!(first.sent.len(), second.sent.len());
    for (one, other) in first.sent.iter().zip(&second.sent) {
        assert_eq!((one.at, one.to), (other.at, other.to));
        let kind = classify(&one.bytes);
        assert_eq!(kind, classify(&other.bytes));
        let differ = one.bytes.len().abs_diff(other.bytes.len());
        let signs = kind == Some(PacketKind::Dtls) && one.at <= first.shook;
        assert!(
            differ <= if signs { SIGNATURES } else { 0 },
            "{differ} bytes at {:?}",
            one.at
        );
        if kind == Some(PacketKind::Stun) {
            assert_eq!(one.bytes, other.bytes);
        }
    }
    assert_ne!(
        first.sent, second.sent,
        "the libraries draw keys of their own"
    );
}

#[test]
fn what_dtls_yielded_repeats_every_byte() {
    let identity = Identity::generate().expect("a certificate is made");
    let mut first = Whole::run(&identity, None);
    is_whole(&first);
    let tapes = first.tapes();
    let second = Whole::run(&identity, Some(tapes));
    assert_eq!(first.sent, second.sent);
    assert_eq!(first.told, second.told);
    assert_eq!(first.read(), second.read());
    assert_eq!(first.got, second.got);
}
