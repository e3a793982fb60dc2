//! Messages between direct transports: ten a tick reach N data consumers, each on a transport of
//! its own, and the application collects them. One element is one delivery.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{
    DataConsumerOptions, DataProducerId, DataProducerOptions, Engine, Loopback, Message, RouterId,
    Time,
};

/// Messages that one tick routes.
const MESSAGES: u64 = 10;

fn room(data_consumers: usize) -> (Engine, DataProducerId) {
    let builder = Engine::builder().seed([1; 32]).backend(Loopback::new().0);
    let mut engine = builder.build().expect("the engine builds");
    let router: RouterId = engine.create_router(&[]).expect("no codec is wrong");
    let inward = engine.create_direct_transport(router).expect("it is open");
    let options = DataProducerOptions::default();
    let data_producer = engine.produce_data(inward, options).expect("it is direct");
    for _ in 0..data_consumers {
        let outward = engine.create_direct_transport(router).expect("it is open");
        let options = DataConsumerOptions::new(data_producer);
        engine.consume_data(outward, options).expect("it is direct");
    }
    (engine, data_producer)
}

fn fan_out(criterion: &mut Criterion) {
    for size in [64, 512] {
        let mut group = criterion.benchmark_group(format!("data/direct/{size}"));
        for data_consumers in [1, 10, 100, 1_000] {
            let deliveries = MESSAGES * data_consumers as u64;
            group.throughput(Throughput::Elements(deliveries));
            group.bench_function(BenchmarkId::from_parameter(data_consumers), |bencher| {
                let (mut engine, data_producer) = room(data_consumers);
                let payload = vec![0x5a; size];
                let (mut ticks, mut bytes) = (0, 0);
                bencher.iter(|| {
                    for _ in 0..MESSAGES {
                        engine
                            .send_message(data_producer, &Message::binary(&payload))
                            .expect("there is room");
                    }
                    ticks += 1;
                    engine.tick(Time::from_millis(ticks)).expect("it runs");
                    engine.drain_messages(|message| bytes += message.payload.len());
                });
                let ledger = engine.data_ledger();
                assert_eq!(ledger.delivered, deliveries * ticks, "all was delivered");
                assert_eq!(bytes as u64, ledger.delivered * size as u64);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
