//! A tick in which ten packets of a producer of three encodings reach N consumers, beside one of a
//! producer of one encoding: what forwarding costs of a layer, and what withholding the others costs.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::rtp_parameters::{
    MediaKind, RtcpFeedback, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpParameters,
};
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, Loopback, PlainTransportOptions,
    PreferredLayers, ProducerOptions, RouterId, Time, TransportId, Wire,
};

/// Packets of the layer that is forwarded in a tick.
const PACKETS: u32 = 10;
const LEN: usize = 1_200;

/// What arrives in a tick.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// Encodings of the producer.
    encodings: u32,
    /// Packets of each encoding, the lowest first.
    packets: [u32; 3],
}

/// The last one forwards as much as the first, and withholds twice as much.
const CASES: [Case; 3] = [
    Case {
        name: "one encoding",
        encodings: 1,
        packets: [PACKETS, 0, 0],
    },
    Case {
        name: "three encodings, one sends",
        encodings: 3,
        packets: [PACKETS, 0, 0],
    },
    Case {
        name: "three encodings, all send",
        encodings: 3,
        packets: [PACKETS; 3],
    },
];

struct Call {
    engine: Engine,
    wire: Wire,
    router: RouterId,
    now: Time,
    sequences: [u16; 3],
    picture: u32,
}

const SENDER: u16 = 5_000;
const FROM: u16 = 6_000;

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn video(encodings: u32) -> RtpParameters {
    let encoding = |index| RtpEncodingParameters {
        ssrc: Some(1_000 + index),
        ..RtpEncodingParameters::default()
    };
    RtpParameters {
        codecs: vec![RtpCodecParameters {
            mime_type: "video/VP8".into(),
            payload_type: 96,
            clock_rate: 90_000,
            rtcp_feedback: vec![RtcpFeedback::new("nack", "pli")],
            ..RtpCodecParameters::default()
        }],
        encodings: (0..encodings).map(encoding).collect(),
        ..RtpParameters::default()
    }
}

impl Call {
    fn new(case: Case, consumers: u16) -> Self {
        let (backend, wire) = Loopback::new();
        wire.set_recording(false);
        let engine = Engine::builder().seed([1; 32]).backend(backend).build();
        let mut engine = engine.expect("the engine builds");
        let vp8 = RtpCodecCapability::new(MediaKind::Video, "video/VP8", 90_000);
        let router = engine.create_router(&[vp8]).expect("VP8 is supported");
        let mut call = Self {
            engine,
            wire,
            router,
            now: Time::ZERO,
            sequences: [0; 3],
            picture: 0,
        };
        let own = ListenInfo::at(at(SENDER));
        let sender = call.transport(Listen::Own(own), at(FROM));
        let options = ProducerOptions::new(MediaKind::Video, video(case.encodings));
        let produced = call.engine.produce(sender, options);
        let producer = produced.expect("the parameters are valid");
        let shared = call.engine.open_socket(&ListenInfo::at(at(SENDER + 1)));
        let shared = Listen::Shared(shared.expect("the port is free"));
        let capabilities = call.engine.rtp_capabilities(router);
        let capabilities = capabilities.expect("the router is open").clone();
        for index in 0..consumers {
            let receiver = call.transport(shared.clone(), at(10_000 + index));
            let mut options = ConsumerOptions::new(producer, capabilities.clone());
            options.preferred_layers = Some(PreferredLayers {
                spatial_layer: 0,
                temporal_layer: None,
            });
            let consumed = call.engine.consume(receiver, options);
            consumed.expect("it can be consumed");
        }
        // Everybody begins with a key frame.
        call.send(case, 0x00);
        call.tick();
        call
    }

    fn transport(&mut self, listen: Listen, remote: SocketAddr) -> TransportId {
        let options = PlainTransportOptions::new(listen);
        let transport = self.engine.create_plain_transport(self.router, options);
        let transport = transport.expect("the transport opens");
        let to = ConnectOptions::from(remote);
        self.engine.connect(transport, &to).expect("it connects");
        transport
    }

    /// A frame of each encoding arrives; `first` is the first byte of its data (RFC 7741 section 4.3).
    fn send(&mut self, case: Case, first: u8) {
        self.picture += 1;
        for (encoding, &count) in case.packets.iter().enumerate() {
            for index in 0..count {
                let sequence = &mut self.sequences[encoding];
                *sequence = sequence.wrapping_add(1);
                let is_last = index + 1 == count;
                let mut packet = vec![0x80, 96 | u8::from(is_last) << 7];
                packet.extend(sequence.to_be_bytes());
                packet.extend((self.picture * 3_000).to_be_bytes());
                packet.extend((1_000 + encoding as u32).to_be_bytes());
                // X and S; I with 15 bits, L and T; picture id, TL0PICIDX, TID.
                packet.extend([0x80 | u8::from(index == 0) << 4, 0xE0]);
                packet.extend((0x8000 | self.picture as u16 & 0x7FFF).to_be_bytes());
                packet.extend([self.picture as u8, 0x00, first]);
                packet.resize(LEN, 0);
                self.wire.inject(at(SENDER), at(FROM), &packet);
            }
        }
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(33);
        self.engine.tick(self.now).expect("the tick runs");
    }
}

fn layers(criterion: &mut Criterion) {
    for consumers in [100_u16, 1_000] {
        let mut group = criterion.benchmark_group(format!("layers/{consumers}"));
        let forwarded = u64::from(PACKETS) * u64::from(consumers);
        group.throughput(Throughput::Elements(forwarded));
        for case in CASES {
            let mut call = Call::new(case, consumers);
            let (begun, mut ticks) = (call.engine.ledger().enqueued, 0);
            group.bench_function(BenchmarkId::from_parameter(case.name), |bencher| {
                bencher.iter(|| {
                    call.send(case, 0x01);
                    call.tick();
                    ticks += 1;
                });
            });
            let enqueued = call.engine.ledger().enqueued - begun;
            assert_eq!(enqueued, ticks * forwarded, "the layer was forwarded");
        }
        group.finish();
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
