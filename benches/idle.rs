//! A tick in which nothing is due, with no streams and with ten thousand that are silent.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use flumen::{Listen, ListenInfo, Loopback};
use flumen_benches::{Bench, packet};

fn idle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("idle");
    for streams in [0u32, 10_000] {
        group.bench_function(BenchmarkId::from_parameter(streams), |bencher| {
            let (backend, wire) = Loopback::new();
            let mut bench = Bench::new(backend);
            let to = ([127, 0, 0, 1], 5_000).into();
            let from = ([127, 0, 0, 1], 6_000).into();
            let sender = bench.transport(Listen::Own(ListenInfo::at(to)), from);
            for ssrc in 0..streams {
                bench.produce(sender, 1_000 + ssrc);
                wire.inject(to, from, &packet(1, 1_000 + ssrc));
            }
            // A tick takes in as many datagrams as its limit says.
            for _ in 0..=streams / 1_000 {
                bench.tick();
            }
            bench.engine.drain_events();
            bench.tick();
            assert_eq!(
                bench.engine.ledger().accepted,
                u64::from(streams),
                "all have received"
            );
            // So short a time that no report comes due.
            bencher.iter(|| bench.tick_after(Duration::from_nanos(10)));
        });
    }
    group.finish();
}

criterion_group!(benches, idle);
criterion_main!(benches);
