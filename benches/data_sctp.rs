//! Messages over SCTP: fan-out to 100 data consumers, each on an association of its own, and what
//! idle associations cost.
//!
//! Both ends of every association are in the one engine that is measured: it sends, receives and
//! acknowledges.

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{
    ConnectOptions, DataConsumerOptions, DataProducerId, DataProducerOptions, Engine, Listen,
    ListenInfo, Loopback, Message, PlainTransportOptions, RouterId, SctpOptions,
    SctpStreamParameters, Time, TransportId, Wire,
};

/// Messages that one tick routes.
const MESSAGES: u64 = 10;

struct Room {
    engine: Engine,
    wire: Wire,
    router: RouterId,
    now: Time,
}

impl Room {
    fn new() -> Self {
        let (backend, wire) = Loopback::new();
        let builder = Engine::builder().seed([1; 32]).backend(backend);
        let builder = builder.datagrams_per_tick(65_536);
        let mut engine = builder.build().expect("the engine builds");
        let router = engine.create_router(&[]).expect("no codec is wrong");
        let now = Time::ZERO;
        Self {
            engine,
            wire,
            router,
            now,
        }
    }

    fn transport(&mut self) -> TransportId {
        let listen = Listen::Own(ListenInfo::new([127, 0, 0, 1].into()));
        let options = PlainTransportOptions {
            sctp: Some(SctpOptions::default()),
            ..PlainTransportOptions::new(listen)
        };
        let transport = self.engine.create_plain_transport(self.router, options);
        transport.expect("the transport opens")
    }

    fn local(&self, transport: TransportId) -> SocketAddr {
        let tuple = self.engine.tuple(transport).expect("it is open");
        ([127, 0, 0, 1], tuple.expect("it is plain").local_port).into()
    }

    /// A transport with an association; the other end receives and drops.
    fn pair(&mut self) -> TransportId {
        let pair = [self.transport(), self.transport()];
        for (one, other) in [(0, 1), (1, 0)] {
            let to = self.local(pair[other]);
            let to = ConnectOptions {
                ip: Some(to.ip()),
                port: Some(to.port()),
                ..ConnectOptions::default()
            };
            self.engine.connect(pair[one], &to).expect("it connects");
        }
        let options = DataProducerOptions {
            sctp_stream_parameters: Some(SctpStreamParameters::new(0)),
            ..DataProducerOptions::default()
        };
        let received = self.engine.produce_data(pair[1], options);
        received.expect("the stream is free");
        pair[0]
    }

    fn tick(&mut self, span: Duration) {
        self.now += span;
        self.engine.tick(self.now).expect("it runs");
        for sent in self.wire.take_sent() {
            self.wire.inject(sent.to, sent.from, &sent.bytes);
        }
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            self.tick(Duration::from_millis(5));
        }
        self.engine.drain_events();
    }
}

fn talking(data_consumers: usize) -> (Room, DataProducerId) {
    let mut room = Room::new();
    let inward = room.engine.create_direct_transport(room.router);
    let inward = inward.expect("it is open");
    let options = DataProducerOptions::default();
    let data_producer = room.engine.produce_data(inward, options);
    let data_producer = data_producer.expect("it is direct");
    for _ in 0..data_consumers {
        let outward = room.pair();
        let options = DataConsumerOptions::new(data_producer);
        let consumed = room.engine.consume_data(outward, options);
        consumed.expect("it has SCTP");
    }
    room.settle();
    (room, data_producer)
}

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("data/sctp/512");
    for data_consumers in [1, 100] {
        group.throughput(Throughput::Elements(MESSAGES * data_consumers as u64));
        group.bench_function(BenchmarkId::from_parameter(data_consumers), |bencher| {
            let (mut room, data_producer) = talking(data_consumers);
            let payload = [0x5a; 512];
            bencher.iter(|| {
                for _ in 0..MESSAGES {
                    let message = Message::binary(&payload);
                    let sent = room.engine.send_message(data_producer, &message);
                    sent.expect("there is room");
                }
                room.tick(Duration::from_millis(1));
            });
            room.settle();
            let ledger = room.engine.data_ledger();
            let arrived = ledger.accepted - ledger.offered / data_consumers as u64;
            assert_eq!(arrived, ledger.delivered, "all arrived");
            assert_eq!(ledger.delivered, ledger.offered, "none was withheld");
        });
    }
    group.finish();
}

fn idle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("data/sctp/idle");
    for associations in [0, 1_000] {
        group.bench_function(BenchmarkId::from_parameter(associations), |bencher| {
            let mut room = Room::new();
            for _ in 0..associations / 2 {
                room.pair();
            }
            room.settle();
            // So short a time that no heartbeat comes due.
            bencher.iter(|| {
                room.now += Duration::from_nanos(10);
                room.engine.tick(room.now).expect("it runs");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out, idle);
criterion_main!(benches);
