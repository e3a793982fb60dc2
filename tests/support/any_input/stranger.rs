//! Who has a transport of its own, and sends what it likes to it.

use std::net::SocketAddr;

use flumen::rtp_parameters::{MediaKind, RtpParameters};
use flumen::srtp::CryptoSuite;
use flumen::trace::TraceType;
use flumen::{
    ConnectOptions, ConsumerId, DataConsumerOptions, Message, PreferredLayers, ProducerId,
    SctpOptions, SctpStreamParameters, TransportId,
};

use super::input::Input;
use crate::peer::Peer;
use crate::room::{Room, address};

/// Where strangers are: this port and those behind it. Nobody else's is as high.
pub(super) const FIRST: u16 = 7_000;
/// SSRCs of the first stranger's media; those of the next ones are ten higher each.
pub(super) const SSRC: u32 = 3_000;

/// Whose transport is sealed, among strangers, and who shook hands with one.
const SEALED: usize = 1;
const CONNECTED: [usize; 2] = [3, 4];

/// Its place in the room.
pub(super) struct Stranger {
    /// Where its transport is reached.
    pub(super) server: SocketAddr,
    pub(super) address: SocketAddr,
    /// SSRCs that it sends with, and those that it gets.
    ssrcs: Vec<u32>,
    /// What it gets of those in the call.
    watched: Option<u32>,
    sequence: u16,
    transports: Vec<TransportId>,
    /// What it sends and gets.
    consumed: Option<(ProducerId, ConsumerId)>,
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

const TRACED: [TraceType; 6] = [
    TraceType::Rtp,
    TraceType::KeyFrame,
    TraceType::Nack,
    TraceType::Pli,
    TraceType::Fir,
    TraceType::Sr,
];

impl Stranger {
    /// With a producer, and a consumer of it.
    pub(super) fn of_media(room: &mut Room, at: u16, parameters: RtpParameters) -> Self {
        let address = address(FIRST + 1 + at);
        let (transport, server) = reach(room, at.into(), address);
        let kind = match parameters.codecs[0].mime_type.as_str() {
            "audio/opus" => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        let base = SSRC + 10 * u32::from(at);
        let producer: ProducerId = room.produce(transport, kind, parameters);
        let traced = room.engine.trace_producer(producer, &TRACED);
        traced.expect("the producer is open");
        let mut stranger = Self {
            server,
            address,
            ssrcs: vec![base, base + 1],
            watched: None,
            sequence: 100,
            transports: vec![transport],
            consumed: None,
        };
        stranger.consume(room, producer);
        stranger
    }

    fn consume(&mut self, room: &mut Room, producer: ProducerId) {
        let (consumer, ssrc) = self.get(room, producer);
        self.ssrcs.truncate(2);
        self.ssrcs
            .extend([Some(ssrc), self.watched].into_iter().flatten());
        self.consumed = Some((producer, consumer));
    }

    /// It gets something of those in the call, too, and may say of it what it likes.
    pub(super) fn watch(&mut self, room: &mut Room, producer: ProducerId) {
        let (_, ssrc) = self.get(room, producer);
        self.watched = Some(ssrc);
        self.ssrcs.push(ssrc);
    }

    fn get(&self, room: &mut Room, producer: ProducerId) -> (ConsumerId, u32) {
        let consumer = room.consume(self.transports[0], producer);
        let traced = room.engine.trace_consumer(consumer, &TRACED);
        traced.expect("the consumer is open");
        let sends = room.engine.consumer_parameters(consumer);
        let ssrc = sends.expect("the consumer is open").encodings[0].ssrc;
        (consumer, ssrc.expect("a consumer has one"))
    }

    /// The application does something with what it has.
    pub(super) fn steer(&mut self, room: &mut Room, input: &mut Input<'_>) {
        let (how, engine) = (input.byte(), &mut room.engine);
        let Some((producer, consumer)) = self.consumed else {
            return;
        };
        let done = match how % 8 {
            0 => engine.pause_producer(producer),
            1 => engine.resume_producer(producer),
            2 => engine.pause_consumer(consumer),
            3 => engine.resume_consumer(consumer),
            4 => engine.request_key_frame(consumer),
            5 => {
                let layers = PreferredLayers {
                    spatial_layer: input.byte(),
                    temporal_layer: (how >= 128).then(|| input.byte()),
                };
                engine.set_preferred_layers(consumer, layers)
            }
            6 => {
                // It may be below the least, which changes nothing.
                let bitrate = input.word().into();
                let _ = engine.set_max_outgoing_bitrate(self.transports[0], bitrate);
                Ok(())
            }
            _ => {
                let closed = engine.close_consumer(consumer);
                self.consume(room, producer);
                closed
            }
        };
        done.expect("it is open");
    }

    /// With SCTP: two streams in, and one out.
    pub(super) fn of_messages(room: &mut Room) -> Self {
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
            watched: None,
            sequence: 0,
            transports: vec![transport, outward],
            consumed: None,
        }
    }

    /// Its transports are closed, whatever they are amid.
    pub(super) fn leave(&self, room: &mut Room) {
        for &transport in &self.transports {
            let closed = room.engine.close_transport(transport);
            closed.expect("it is open");
        }
    }

    /// An RTP packet: mostly the next one of a stream of its own, with any elements and payload.
    pub(super) fn media(&mut self, input: &mut Input<'_>) -> Vec<u8> {
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
    pub(super) fn compound(&self, input: &mut Input<'_>) -> Vec<u8> {
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
