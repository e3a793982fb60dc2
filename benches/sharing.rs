//! A tick in which the paths to 1,000 receivers of ten videos each, in three encodings, are looked
//! at anew: what each carries is estimated and shared. Beside it a tick in which none is.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flumen::components::{Agenda, OutgoingEstimate, find};
use flumen::ecs::entity::Entity;
use flumen::rtp_parameters::{
    MediaKind, RtcpFeedback, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpParameters,
};
use flumen::{
    ConnectOptions, ConsumerOptions, Engine, Listen, ListenInfo, Loopback, PlainTransportOptions,
    ProducerId, ProducerOptions, RouterId, Time, TransportId, Wire,
};

const RECEIVERS: u32 = 1_000;
const VIDEOS: u32 = 10;
const ENCODINGS: u32 = 3;

/// A large meeting.
struct Meeting {
    engine: Engine,
    wire: Wire,
    router: RouterId,
    now: Time,
    paths: Vec<Entity>,
    sequence: u16,
}

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn video(index: u32) -> RtpParameters {
    let encoding = |encoding| RtpEncodingParameters {
        ssrc: Some(1_000 + 10 * index + encoding),
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
        encodings: (0..ENCODINGS).map(encoding).collect(),
        ..RtpParameters::default()
    }
}

impl Meeting {
    fn new() -> Self {
        let (backend, wire) = Loopback::new();
        wire.set_recording(false);
        let engine = Engine::builder().seed([1; 32]).backend(backend).build();
        let mut engine = engine.expect("the engine builds");
        let vp8 = RtpCodecCapability::new(MediaKind::Video, "video/VP8", 90_000);
        let router = engine.create_router(&[vp8]).expect("VP8 is supported");
        let mut meeting = Self {
            engine,
            wire,
            router,
            now: Time::ZERO,
            paths: Vec::new(),
            sequence: 0,
        };
        let sender = meeting.transport(at(5_000), at(6_000));
        let produce = |index| {
            let options = ProducerOptions::new(MediaKind::Video, video(index));
            let produced = meeting.engine.produce(sender, options);
            produced.expect("the parameters are valid")
        };
        let videos: Vec<ProducerId> = (0..VIDEOS).map(produce).collect();
        for index in 0..RECEIVERS as u16 {
            meeting.join(&videos, index);
        }
        // All encodings live, and their rates are known.
        for _ in 0..100 {
            meeting.send();
            meeting.tick(Duration::from_millis(33));
        }
        meeting
    }

    fn transport(&mut self, local: SocketAddr, remote: SocketAddr) -> TransportId {
        let listen = Listen::Own(ListenInfo::at(local));
        let options = PlainTransportOptions::new(listen);
        let transport = self.engine.create_plain_transport(self.router, options);
        let transport = transport.expect("the transport opens");
        let to = ConnectOptions::from(remote);
        self.engine.connect(transport, &to).expect("it connects");
        transport
    }

    fn join(&mut self, videos: &[ProducerId], index: u16) {
        let transport = self.transport(at(10_000 + index), at(30_000 + index));
        let capabilities = self.engine.rtp_capabilities(self.router);
        let capabilities = capabilities.expect("the router is open").clone();
        for &video in videos {
            let options = ConsumerOptions::new(video, capabilities.clone());
            self.engine
                .consume(transport, options)
                .expect("it can be consumed");
        }
        let entity = find(self.engine.world(), transport).expect("it is open");
        self.paths.push(entity);
    }

    /// A packet of every encoding arrives.
    fn send(&mut self) {
        self.sequence += 1;
        for ssrc in (0..VIDEOS).flat_map(|video| (0..ENCODINGS).map(move |it| 10 * video + it)) {
            let mut packet = vec![0x80, 96];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend((u32::from(self.sequence) * 3_000).to_be_bytes());
            packet.extend((1_000 + ssrc).to_be_bytes());
            // A VP8 frame that refers to others (RFC 7741).
            packet.extend([0x10, 0x01]);
            packet.resize(300 * (1 + ssrc as usize % 10), 0);
            self.wire.inject(at(5_000), at(6_000), &packet);
        }
    }

    fn tick(&mut self, span: Duration) {
        self.now += span;
        self.engine.tick(self.now).expect("the tick runs");
    }

    /// Every path is to be looked at.
    fn list(&mut self) {
        let world = self.engine.world_mut();
        world.resource_scope::<Agenda, ()>(|world, mut agenda| {
            for &path in &self.paths {
                let estimate = world.get_mut::<OutgoingEstimate>(path);
                let mut estimate = estimate.expect("its receiver tells of its path");
                estimate.list(path, &mut agenda.paths);
            }
        });
    }
}

fn share(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sharing");
    group.sample_size(20);
    let mut meeting = Meeting::new();
    let short = Duration::from_nanos(10);
    group.bench_function("none of 1,000 paths", |bencher| {
        bencher.iter(|| meeting.tick(short));
    });
    group.throughput(Throughput::Elements(RECEIVERS.into()));
    group.bench_function("1,000 paths of 10 consumers", |bencher| {
        let list = |meeting: &mut Meeting| meeting.list();
        let meeting = std::cell::RefCell::new(&mut meeting);
        bencher.iter_batched(
            || list(&mut meeting.borrow_mut()),
            |()| meeting.borrow_mut().tick(short),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, share);
criterion_main!(benches);
