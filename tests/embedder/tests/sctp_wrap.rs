//! An SCTP association whose sequence numbers wrap, in an embedder's build: its debug profile checks
//! for overflow everywhere.

use std::net::SocketAddr;

use flumen::components::wire::sctp::{
    Init, Sack, chunks, close_chunk, kind, open_chunk, parameter_kind, seal, write_header,
    write_parameter,
};
use flumen::sctp::PORT;
use flumen::{
    ConnectOptions, DataConsumerOptions, DataProducerOptions, Engine, Listen, ListenInfo, Loopback,
    PlainTransportOptions, SctpOptions, SctpState, SctpStreamParameters, Time, TransportId, Wire,
};

/// A peer that answers by hand, beginning with a sequence number of its choice.
struct Peer {
    engine: Engine,
    wire: Wire,
    transport: TransportId,
    now: u64,
    /// What the engine wants to see.
    tag: u32,
    /// The next sequence number of this peer.
    tsn: u32,
    /// What the engine acknowledged last, and the bytes of gap blocks behind it.
    acknowledged: Option<(u32, usize)>,
}

const OWN_TAG: u32 = 77;

fn remote() -> SocketAddr {
    ([10, 0, 0, 2], 5_000).into()
}

impl Peer {
    /// Connected to an engine with a data producer on stream 0 and somebody who consumes it.
    fn beginning_with(tsn: u32) -> Self {
        let (backend, wire) = Loopback::new();
        let mut engine = Engine::builder()
            .backend(backend)
            .seed([7; 32])
            .build()
            .unwrap();
        let router = engine.create_router(&[]).unwrap();
        let options = PlainTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..PlainTransportOptions::new(Listen::Own(ListenInfo::new([10, 0, 0, 1].into())))
        };
        let transport = engine.create_plain_transport(router, options).unwrap();
        engine
            .connect(transport, &ConnectOptions::from(remote()))
            .unwrap();
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(SctpStreamParameters::new(0)),
            ..DataProducerOptions::default()
        };
        let chat = engine.produce_data(transport, options).unwrap();
        let direct = engine.create_direct_transport(router).unwrap();
        engine
            .consume_data(direct, DataConsumerOptions::new(chat))
            .unwrap();
        let mut peer = Self {
            engine,
            wire,
            transport,
            now: 0,
            tag: 0,
            tsn,
            acknowledged: None,
        };
        for _ in 0..5 {
            peer.tick();
        }
        let state = peer.engine.sctp_state(transport).unwrap();
        assert_eq!(state, Some(SctpState::Connected), "first TSN {tsn:#x}");
        peer
    }

    /// Lets time pass, and answers what the engine sends.
    fn tick(&mut self) {
        self.now += 250;
        self.engine.tick(Time::from_millis(self.now)).unwrap();
        self.engine.check_ledger().unwrap();
        for sent in self.wire.take_sent() {
            for chunk in chunks(&sent.bytes) {
                if let Some(sack) = Sack::of(&chunk) {
                    self.acknowledged = Some((sack.cumulative, sack.gaps.len()));
                }
                match chunk.kind {
                    kind::INIT => {
                        self.tag = Init::of(&chunk).unwrap().tag;
                        self.say(kind::INIT_ACK, 0, &self.init_ack());
                    }
                    kind::COOKIE_ECHO => self.say(kind::COOKIE_ACK, 0, &[]),
                    _ => {}
                }
            }
        }
    }

    fn init_ack(&self) -> Vec<u8> {
        let mut value = OWN_TAG.to_be_bytes().to_vec();
        value.extend([0, 1, 0, 0, 0, 10, 0, 10]);
        value.extend(self.tsn.to_be_bytes());
        write_parameter(&mut value, parameter_kind::STATE_COOKIE, b"a cookie");
        value
    }

    fn say(&self, kind: u8, flags: u8, value: &[u8]) {
        let mut packet = Vec::new();
        write_header(&mut packet, PORT, PORT, self.tag);
        let start = open_chunk(&mut packet, kind, flags);
        packet.extend(value);
        close_chunk(&mut packet, start);
        seal(&mut packet);
        let tuple = self.engine.tuple(self.transport).unwrap().unwrap();
        self.wire.inject(tuple.local().unwrap(), remote(), &packet);
    }

    /// A whole message on stream 0; `lost` ones use up their number and do not arrive.
    fn send(&mut self, sequence: u16, lost: bool) {
        let mut value = self.tsn.to_be_bytes().to_vec();
        value.extend([0, 0]);
        value.extend(sequence.to_be_bytes());
        value.extend(53u32.to_be_bytes());
        value.extend(sequence.to_be_bytes());
        self.tsn = self.tsn.wrapping_add(1);
        if !lost {
            self.say(kind::DATA, 3, &value);
        }
    }

    fn arrived(&mut self) -> Vec<u16> {
        let mut arrived = Vec::new();
        self.engine.drain_messages(|message| {
            arrived.push(u16::from_be_bytes([message.payload[0], message.payload[1]]));
        });
        arrived
    }
}

#[test]
fn sequence_numbers_wrap_wherever_they_begin() {
    for first in [
        u32::MAX,
        0,
        u32::MAX - 1,
        u32::MAX - 20,
        1,
        1 << 31,
        (1 << 31) - 3,
    ] {
        let mut peer = Peer::beginning_with(first);
        for sequence in 0..40 {
            peer.send(sequence, false);
            peer.tick();
        }
        peer.tick();
        assert!(peer.arrived().into_iter().eq(0..40), "first TSN {first:#x}");
        assert_eq!(peer.acknowledged, Some((first.wrapping_add(39), 0)));
    }
}

#[test]
fn a_gap_is_told_wherever_it_is() {
    for first in [u32::MAX - 1, u32::MAX, 0, u32::MAX - 2, u32::MAX - 3] {
        let mut peer = Peer::beginning_with(first);
        for sequence in 0..4 {
            // The third one is lost.
            peer.send(sequence, sequence == 2);
        }
        peer.tick();
        peer.tick();
        assert_eq!(peer.arrived(), [0, 1], "first TSN {first:#x}");
        let cumulative = first.wrapping_add(1);
        assert_eq!(
            peer.acknowledged,
            Some((cumulative, 4)),
            "first TSN {first:#x}"
        );
    }
}
