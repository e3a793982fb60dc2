//! A whole tick on real sockets: a burst of packets reaches N receivers, beside the limit: a bare
//! loop over the same bytes, sockets and rewriting.

#[path = "../examples/forwarder/bare.rs"]
mod bare;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/layout.rs"]
mod layout;
#[path = "../examples/forwarder/messages.rs"]
mod messages;
#[path = "../examples/forwarder/packet.rs"]
mod packet;
#[path = "../examples/forwarder/slots.rs"]
mod slots;
mod sockets;

use bare::Bare;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use flumen::{Listen, ListenInfo, Udp};
use flumen_benches::{Bench, SSRC};
use layout::{Layout, Sockets, Way};
use sockets::{Burst, OUT_HEADER_LEN, address, local, neighbours, sinks, socket};

fn udp_fan_out(criterion: &mut Criterion) {
    for (name, burst) in [("udp_fan_out", 1u16), ("udp_fan_out_burst10", 10)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(30);
        for receivers in [1u16, 10, 100, 1_000] {
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
            let receiver = bench.transport(Listen::Shared(shared), address(sink));
            bench.consume(receiver, producer);
        }
        let to = local(&bench.engine, sender);
        let mut burst = Burst::new(burst);
        bencher.iter(|| {
            burst.send(&source, to);
            bench.tick();
        });
        let ledger = bench.engine.ledger();
        assert_eq!(
            ledger.enqueued,
            burst.sent * u64::from(receivers),
            "all was forwarded"
        );
        assert_eq!(
            ledger.sent,
            ledger.enqueued + ledger.generated,
            "all was sent"
        );
    });
}

fn bare(group: &mut BenchmarkGroup<'_, WallTime>, receivers: u16, burst: u16) {
    group.bench_function(BenchmarkId::new("limit", receivers), |bencher| {
        let (first, _sinks) = neighbours(receivers);
        let source = socket();
        let layout = Layout::fan_out(receivers, first).expect("there are not too many");
        let limit = Bare::open(&layout, Sockets::Shared, Way::Sendmmsg, OUT_HEADER_LEN);
        let mut limit = limit.expect("ports are free");
        let to = limit.entrances()[0];
        let mut burst = Burst::new(burst);
        let mut sent = 0;
        bencher.iter(|| {
            burst.send(&source, to);
            sent += limit.pass().expect("the datagrams are sent") as u64;
        });
        assert_eq!(sent, burst.sent * u64::from(receivers), "all was sent");
    });
}

criterion_group!(benches, udp_fan_out);
criterion_main!(benches);
