//! A whole tick on real sockets with SRTP: a burst of packets reaches N receivers, sealed for each,
//! beside the limit: a bare loop with the same cipher over the same bytes and sockets.

mod bare_cipher;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/messages.rs"]
mod messages;
mod sealed_limit;
mod sockets;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use flumen::srtp::CryptoSuite;
use flumen::{Listen, ListenInfo, Udp};
use flumen_benches::{Bench, SSRC};
use sealed_limit::SealedLimit;
use sockets::{Burst, OUT_HEADER_LEN, address, local, sinks, socket};

const SUITE: CryptoSuite = CryptoSuite::AeadAes128Gcm;

fn udp_sealed(criterion: &mut Criterion) {
    for (name, burst) in [("udp_sealed", 1_u16), ("udp_sealed_burst10", 10)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(30);
        for receivers in [100_u16, 500] {
            let work = u64::from(receivers) * u64::from(burst);
            group.throughput(Throughput::Elements(work));
            engine(&mut group, receivers, burst);
            bare(&mut group, receivers, burst);
        }
        group.finish();
    }
}

fn engine(group: &mut BenchmarkGroup<'_, WallTime>, receivers: u16, burst: u16) {
    group.bench_function(BenchmarkId::new("engine", receivers), |bencher| {
        let sinks = sinks(receivers);
        let source = socket();
        let mut bench = Bench::new(Udp::new().expect("sockets can be waited for"));
        let info = ListenInfo::new([127, 0, 0, 1].into());
        let sender = bench.transport(Listen::Own(info.clone()), address(&source));
        let producer = bench.produce(sender, SSRC);
        let shared = bench.engine.open_socket(&info).expect("a port is free");
        for sink in &sinks {
            let receiver = bench.sealed_transport(Listen::Shared(shared), address(sink), SUITE);
            bench.consume(receiver, producer);
        }
        let to = local(&bench.engine, sender);
        let mut burst = Burst::new(burst);
        bencher.iter(|| {
            burst.send(&source, to);
            bench.tick();
        });
        let ledger = bench.engine.ledger();
        let all = burst.sent * u64::from(receivers);
        assert_eq!(ledger.enqueued, all, "all was forwarded");
        assert_eq!(ledger.sent, all + ledger.generated, "all was sent");
    });
}

fn bare(group: &mut BenchmarkGroup<'_, WallTime>, receivers: u16, burst: u16) {
    group.bench_function(BenchmarkId::new("limit", receivers), |bencher| {
        let sinks = sinks(receivers);
        let source = socket();
        let destinations = sinks.iter().map(address).collect();
        let ends = (socket(), socket());
        let mut limit = SealedLimit::new(ends, destinations, OUT_HEADER_LEN, SUITE);
        let to = limit.address();
        let mut burst = Burst::new(burst);
        let mut sent = 0;
        bencher.iter(|| {
            burst.send(&source, to);
            sent += limit.forward(burst.packets);
        });
        assert_eq!(sent, burst.sent * u64::from(receivers), "all was sent");
    });
}

criterion_group!(benches, udp_sealed);
criterion_main!(benches);
