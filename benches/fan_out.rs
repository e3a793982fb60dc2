//! A whole tick: one packet of one producer reaches N consumers, on the loopback backend.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{Listen, ListenInfo, Loopback};
use flumen_benches::{Bench, SSRC, packet, renumber};

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out/plain");
    for consumers in [1u16, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(consumers.into()));
        group.bench_function(BenchmarkId::from_parameter(consumers), |bencher| {
            let (backend, wire) = Loopback::new();
            wire.set_recording(false);
            let mut bench = Bench::new(backend);
            let info = ListenInfo::at(([127, 0, 0, 1], 5_000).into());
            let from = ([127, 0, 0, 1], 6_000).into();
            let sender = bench.transport(Listen::Own(info.clone()), from);
            let producer = bench.produce(sender, SSRC);
            let shared = bench.engine.open_socket(&ListenInfo {
                port: 5_001,
                ..info
            });
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
            let ledger = bench.engine.ledger();
            assert_eq!(
                ledger.enqueued,
                ledger.accepted * u64::from(consumers),
                "all was forwarded"
            );
            assert_eq!(wire.totals().datagrams, ledger.sent, "all was written out");
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
