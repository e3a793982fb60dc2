//! What a snapshot of a thousand and of ten thousand consumers costs: to take it, and to go on from
//! it in another engine. Bytes are those of the snapshot.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{Engine, Listen, ListenInfo, Loopback};
use flumen_benches::{Bench, SSRC, packet, renumber};

const PRODUCERS: u16 = 100;

/// Consumers of a hundred producers, all of which have sent.
fn room(consumers: u16) -> Bench {
    let (backend, wire) = Loopback::new();
    wire.set_recording(false);
    let mut bench = Bench::of(Engine::builder().backend(backend));
    let at = |port| ListenInfo::at(([127, 0, 0, 1], port).into());
    let shared = bench.engine.open_socket(&at(5_001));
    let shared = Listen::Shared(shared.expect("the port is free"));
    let mut producers = Vec::new();
    for number in 0..PRODUCERS {
        let (to, from) = (5_100 + number, 6_100 + number);
        let sender = bench.transport(Listen::Own(at(to)), ([127, 0, 0, 1], from).into());
        producers.push((bench.produce(sender, SSRC), to, from));
    }
    for number in 0..consumers {
        let to = ([127, 0, 0, 1], 10_000 + number).into();
        let receiver = bench.transport(shared.clone(), to);
        bench.consume(receiver, producers[usize::from(number % PRODUCERS)].0);
    }
    let mut datagram = packet(0, SSRC);
    for sequence in 0..50 {
        renumber(&mut datagram, sequence);
        for (_, to, from) in &producers {
            let address = |port: u16| ([127, 0, 0, 1], port).into();
            wire.inject(address(*to), address(*from), &datagram);
        }
        bench.tick();
    }
    bench.engine.drain_events();
    bench
}

fn snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    group.sample_size(10);
    for consumers in [1_000, 10_000] {
        let mut bench = room(consumers);
        let taken = bench.engine.snapshot().expect("it can be taken");
        group.throughput(Throughput::Bytes(taken.to_bytes().len() as u64));
        group.bench_function(BenchmarkId::new("take", consumers), |bencher| {
            bencher.iter(|| bench.engine.snapshot().expect("it can be taken"));
        });
        group.bench_function(BenchmarkId::new("restore", consumers), |bencher| {
            let builder = || Engine::builder().backend(Loopback::new().0);
            let restore = |builder: flumen::Builder| builder.restore(&taken).expect("it goes on");
            bencher.iter_batched(builder, restore, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
