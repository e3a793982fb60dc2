//! What recording adds to a tick: fan-out beside itself, recorded to nowhere.
//!
//! The writer is a thread of its own; what it costs is not the tick's.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{Builder, Engine, Listen, ListenInfo, Loopback};
use flumen_benches::{Bench, SSRC, packet, renumber};

fn recording(criterion: &mut Criterion) {
    let kinds: [(&str, fn(Builder) -> Builder); 2] = [
        ("recording/without", |builder| builder),
        ("recording/with", |builder| {
            builder.record_to(std::io::sink())
        }),
    ];
    for (name, configure) in kinds {
        let mut group = criterion.benchmark_group(name);
        for consumers in [1u16, 10, 100, 1_000] {
            group.throughput(Throughput::Elements(consumers.into()));
            group.bench_function(BenchmarkId::from_parameter(consumers), |bencher| {
                let (backend, wire) = Loopback::new();
                wire.set_recording(false);
                let mut bench = Bench::of(configure(Engine::builder().backend(backend)));
                let info = ListenInfo::at(([127, 0, 0, 1], 5_000).into());
                let from = ([127, 0, 0, 1], 6_000).into();
                let sender = bench.transport(Listen::Own(info.clone()), from);
                let producer = bench.produce(sender, SSRC);
                let shared = ListenInfo {
                    port: 5_001,
                    ..info
                };
                let shared = bench.engine.open_socket(&shared);
                let shared = Listen::Shared(shared.expect("the port is free"));
                for consumer in 0..consumers {
                    let to = ([127, 0, 0, 1], 10_000 + consumer).into();
                    let receiver = bench.transport(shared.clone(), to);
                    bench.consume(receiver, producer);
                }
                let to = ([127, 0, 0, 1], 5_000).into();
                let mut datagram = packet(0, SSRC);
                let mut sequence = 0u16;
                bencher.iter(|| {
                    sequence = sequence.wrapping_add(1);
                    renumber(&mut datagram, sequence);
                    wire.inject(to, from, &datagram);
                    bench.tick();
                });
                let stopped = bench
                    .engine
                    .recording()
                    .and_then(|report| report.stopped.clone());
                assert_eq!(stopped, None, "all was recorded");
            });
        }
        group.finish();
    }
}

criterion_group!(benches, recording);
criterion_main!(benches);
