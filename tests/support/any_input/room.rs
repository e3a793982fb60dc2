//! A whole engine, and strangers who send what they like to transports of every kind.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use flumen::components::wire::rtcp::packets;
use flumen::components::wire::sctp::check;
use flumen::components::wire::stun::Message as Stun;
use flumen::components::wire::{PacketKind, RtpHeader, classify};
use flumen::dtls::Identity;
use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters, RtpParameters};
use flumen::srtp::CryptoSuite;
use flumen::trace::TraceType;
use flumen::{
    ConnectOptions, ConsumerId, DataConsumerOptions, Message, ProducerId, SctpOptions,
    SctpStreamParameters, TransportId,
};

use super::caller::Caller;
use super::impostor::Impostor;
use super::input::Input;
use crate::parameters::{
    encoding_named, opus, video, vp8, vp8_rtx, with_remb, with_retransmissions, with_transport_cc,
};
use crate::peer::Peer;
use crate::room::{Received, Room, address};
use crate::victims::Victims;

/// A call goes on beside strangers who send what they like: no ledger is left open, what leaves is
/// well-formed, and those in the call get what they get without them.
pub fn room(bytes: &[u8]) {
    static CALM: OnceLock<Vec<Vec<Received>>> = OnceLock::new();
    let calm = CALM.get_or_init(|| Strangers::new().attack(&mut Input::new(&[])));
    let attacked = Strangers::new().attack(&mut Input::new(bytes));
    assert!(attacked == *calm, "a stranger changed what others get");
}

/// Milliseconds from tick to tick: bursts, round trips, and waits that let every timer fire.
const SPANS: [u64; 20] = [
    1, 1, 1, 20, 1, 60, 1, 110, 1, 30, 250, 1, 1, 100, 600, 1, 1_100, 1, 2_500, 6_000,
];
/// Datagrams that arrive in a tick at most, below what the engine takes in one.
const PER_TICK: usize = 40;
/// Where strangers are: this port and those behind it. Nobody else's is as high.
const FIRST: u16 = 7_000;
/// SSRCs of the first stranger's media; those of the next ones are ten higher each.
const SSRC: u32 = 3_000;

/// Whose transport is sealed, among strangers, and who shook hands with one.
const SEALED: usize = 1;
const CONNECTED: [usize; 2] = [3, 4];
/// Who speaks ICE, among strangers.
const CALLER: usize = 6;

struct Stranger {
    /// Where its transport is reached.
    server: SocketAddr,
    address: SocketAddr,
    /// SSRCs that it sends with, and those that it gets.
    ssrcs: Vec<u32>,
    sequence: u16,
}

struct Strangers {
    victims: Victims,
    media: Vec<Stranger>,
    /// Speaks SCTP.
    talker: Stranger,
    impostor: Impostor,
    /// Speaks ICE.
    caller: Caller,
}

impl Strangers {
    fn new() -> Self {
        // Making a certificate takes longer than all that is asked of it here.
        static IDENTITY: OnceLock<Identity> = OnceLock::new();
        let identity = IDENTITY.get_or_init(|| Identity::generate().expect("keys can be made"));
        let mut victims = Victims::with(|builder| builder.dtls_identity(identity.clone()));
        let media = [
            with_transport_cc(with_retransmissions(vp8(SSRC))),
            with_remb(video("VP9", SSRC + 10)),
            with_dependencies(video("AV1", SSRC + 20)),
            with_dependencies(with_retransmissions(video("H264", SSRC + 30))),
            vp8_rtx(["a", "b", "c"].map(encoding_named).to_vec()),
            opus(SSRC + 50),
        ];
        let strangers = media.into_iter().enumerate();
        let media = strangers.map(|(at, it)| Stranger::of_media(&mut victims, at as u16, it));
        let media = media.collect();
        let talker = Stranger::of_messages(&mut victims);
        let caller = Caller::new(&mut victims.room, address(FIRST + 200), SSRC + 60);
        victims.room.engine.drain_events();
        Self {
            victims,
            media,
            talker,
            impostor: Impostor::default(),
            caller,
        }
    }

    /// What those in the call get in each tick.
    fn attack(mut self, input: &mut Input<'_>) -> Vec<Vec<Received>> {
        let tick = |span: &u64| {
            for _ in 0..PER_TICK {
                if input.is_empty() || !self.act(input) {
                    break;
                }
            }
            self.victims.talk();
            self.tick(Duration::from_millis(*span))
        };
        SPANS.iter().map(tick).collect()
    }

    /// Somebody sends something; or it is time for a tick.
    fn act(&mut self, input: &mut Input<'_>) -> bool {
        let choice = input.byte();
        let who = usize::from(choice & 7);
        if who == CALLER {
            self.caller.act(&self.victims.room, input);
            return true;
        }
        let Some(stranger) = self.media.get_mut(who) else {
            let datagram = match choice >> 3 & 7 {
                0 => self.impostor.init(),
                1 => self.impostor.echo(),
                2 => return false,
                _ => self.impostor.say(input),
            };
            let room = &self.victims.room;
            room.wire
                .inject(self.talker.server, self.talker.address, &datagram);
            return true;
        };
        let datagram = match choice >> 3 & 7 {
            0 => input.block().to_vec(),
            1 => return false,
            2..=4 => stranger.media(input),
            _ => stranger.compound(input),
        };
        // What has another's keys is sealed, but for what is any bytes.
        let peers = &mut self.victims.room.peers;
        let datagram = match peers.get_mut(&stranger.address) {
            Some(peer) if choice >> 3 & 7 != 0 => peer.seal(&datagram),
            _ => datagram,
        };
        let wire = &self.victims.room.wire;
        wire.inject(stranger.server, stranger.address, &datagram);
        true
    }

    /// Ticks, checks what strangers get, and returns what others get.
    fn tick(&mut self, span: Duration) -> Vec<Received> {
        let room = &mut self.victims.room;
        room.tick_after(span);
        let received = room.received();
        room.messages();
        let events = room.engine.drain_events();
        assert!(events.len() < 2_000, "{} events", events.len());
        for datagram in &received {
            well_formed(&datagram.bytes);
            if datagram.to == self.talker.address {
                self.impostor.hear(&datagram.bytes);
            }
        }
        let others = |datagram: &Received| datagram.to.port() < FIRST;
        received.into_iter().filter(others).collect()
    }
}

/// A transport of the kind that a stranger has, and where it is reached.
fn reach(room: &mut Room, who: usize, address: SocketAddr) -> (TransportId, SocketAddr) {
    if CONNECTED.contains(&who) {
        let transport = room.webrtc();
        let peer = Peer::join(room, transport, address);
        let server = peer.server;
        room.peers
            .extend(peer.into_srtp().map(|keys| (address, keys)));
        return (transport, server);
    }
    room.srtp = (who == SEALED).then_some(CryptoSuite::AeadAes128Gcm);
    let transport = room.plain(address);
    room.srtp = None;
    (transport, room.local(transport))
}

fn well_formed(datagram: &[u8]) {
    match classify(datagram) {
        Some(PacketKind::Rtp) => assert!(RtpHeader::parse(datagram).is_ok()),
        Some(PacketKind::Rtcp) => assert!(packets(datagram).all(|packet| packet.is_ok())),
        Some(PacketKind::Sctp) => assert!(check(datagram).is_ok()),
        Some(PacketKind::Stun) => assert!(Stun::parse(datagram).is_ok()),
        Some(PacketKind::Dtls) => {}
        other => panic!("{other:?} was sent"),
    }
}

/// The identifier of the dependency descriptor.
const DEPENDENCIES: u8 = 13;

fn with_dependencies(mut parameters: RtpParameters) -> RtpParameters {
    let uri =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let extension = RtpHeaderExtensionParameters::new(uri, DEPENDENCIES);
    parameters.header_extensions.push(extension);
    parameters
}

const TRACED: [TraceType; 6] = [
    TraceType::Rtp,
    TraceType::KeyFrame,
    TraceType::Nack,
    TraceType::Pli,
    TraceType::Fir,
    TraceType::Sr,
];

impl Stranger {
    /// With a producer, and a consumer of it unless it is simulcast.
    fn of_media(victims: &mut Victims, at: u16, parameters: RtpParameters) -> Self {
        let room = &mut victims.room;
        let address = address(FIRST + 1 + at);
        let (transport, server) = reach(room, usize::from(at), address);
        let kind = match parameters.codecs[0].mime_type.as_str() {
            "audio/opus" => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        let base = SSRC + 10 * u32::from(at);
        let is_simulcast = parameters.encodings.len() > 1;
        let producer: ProducerId = room.produce(transport, kind, parameters);
        let traced = room.engine.trace_producer(producer, &TRACED);
        traced.expect("the producer is open");
        let mut ssrcs = vec![base, base + 1];
        if !is_simulcast {
            let consumer: ConsumerId = room.consume(transport, producer);
            let traced = room.engine.trace_consumer(consumer, &TRACED);
            traced.expect("the consumer is open");
            let sends = room.engine.consumer_parameters(consumer);
            let encodings = &sends.expect("the consumer is open").encodings;
            ssrcs.extend(encodings.iter().filter_map(|encoding| encoding.ssrc));
        }
        Self {
            server,
            address,
            ssrcs,
            sequence: 100,
        }
    }

    /// With SCTP: two streams in, and one out.
    fn of_messages(victims: &mut Victims) -> Self {
        let room = &mut victims.room;
        let address = address(FIRST);
        let transport = room.plain_sctp(SctpOptions::default());
        let to = ConnectOptions {
            ip: Some(address.ip()),
            port: Some(address.port() + 100),
            ..ConnectOptions::default()
        };
        let connected = room.engine.connect(transport, &to);
        connected.expect("the transport connects");
        let outward = room.direct();
        for stream in [1, 2] {
            let receives = room.receive_stream(transport, SctpStreamParameters::new(stream));
            room.consume_data(outward, receives, &[]);
        }
        let inward = room.produce_data(outward);
        let options = DataConsumerOptions::new(inward);
        let sends = room.engine.consume_data(transport, options);
        sends.expect("it can be consumed");
        let message = Message::binary(&[7; 3_000]);
        let sent = room.engine.send_message(inward, &message);
        sent.expect("the message can be sent");
        Self {
            server: room.local(transport),
            address: SocketAddr::new(address.ip(), address.port() + 100),
            ssrcs: Vec::new(),
            sequence: 0,
        }
    }

    /// An RTP packet: mostly the next one of a stream of its own, with any elements and payload.
    fn media(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        let how = input.byte();
        let step = input.byte() as i8;
        let sequence = match how & 0x40 {
            0 => self.sequence.wrapping_add(1),
            _ => self.sequence.wrapping_add_signed(step.into()),
        };
        self.sequence = sequence;
        let payload_type = input.one_of(&[96, 96, 96, 97, 111, 111, 0]);
        let marker = how & 0x80;
        let extensions = input.block();
        let mut packet = vec![0x80 | how & 0x33, marker | payload_type];
        packet.extend(sequence.to_be_bytes());
        packet.extend((3_000 * u32::from(sequence)).to_be_bytes());
        packet.extend(self.ssrcs[usize::from(how >> 2 & 1)].to_be_bytes());
        packet.extend((0..how & 3).flat_map(|source| [0, 0, 0, source]));
        if how & 0x10 != 0 {
            let words = extensions.len().div_ceil(4);
            packet.extend(if how & 8 != 0 {
                [0x10, 0]
            } else {
                [0xbe, 0xde]
            });
            packet.extend((words as u16).to_be_bytes());
            packet.extend(extensions);
            packet.resize(packet.len() + 4 * words - extensions.len(), 0);
        }
        packet.extend(input.block());
        packet
    }

    /// RTCP: packets of any type, whose words are mostly SSRCs and numbers that mean something.
    fn compound(&self, input: &mut Input<'_>) -> Vec<u8> {
        let how = input.byte();
        let mut compound = Vec::new();
        for _ in 0..=how & 3 {
            let first = 0x80 | input.byte() & 0x3f;
            let kind = 200 + input.byte() % 9;
            let words = usize::from(input.byte() % 16);
            compound.extend([first, kind, 0, words as u8]);
            for _ in 0..words {
                let word = match input.byte() {
                    0..=63 => input.one_of(&self.ssrcs),
                    64..=95 => input.near(u32::from(self.sequence)) << 16 | 0xffff,
                    96..=127 => input.near(u32::from(self.sequence)),
                    128..=143 => 0x5245_4d42,
                    _ => input.word(),
                };
                compound.extend(word.to_be_bytes());
            }
        }
        let lies = how & 0xc0 == 0xc0;
        compound.truncate(if lies {
            input.byte().into()
        } else {
            usize::MAX
        });
        compound
    }
}
