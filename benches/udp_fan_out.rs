//! A whole tick on real sockets: a burst of packets reaches N receivers, beside the limit: a bare
//! loop over the same bytes, sockets and rewriting.

mod limit;

use std::net::{SocketAddr, UdpSocket};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use flumen::{Listen, ListenInfo, Udp};
use flumen_benches::{Bench, SSRC, packet, renumber};
use limit::Limit;

/// Length of the header that the engine sends here: fixed header, MID and abs-send-time.
const OUT_HEADER_LEN: usize = 12 + 4 + 16;

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
        let tuple = bench
            .engine
            .tuple(sender)
            .expect("it is open")
            .expect("it is plain");
        let to = SocketAddr::from(([127, 0, 0, 1], tuple.local_port));
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
        let sinks = sinks(receivers);
        let (source, ingress, egress) = (socket(), socket(), socket());
        let destinations = sinks.iter().map(address).collect();
        let mut limit = Limit::new(ingress, egress, destinations, OUT_HEADER_LEN);
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

/// The packets that the source sends in one go.
struct Burst {
    datagram: Vec<u8>,
    packets: u16,
    sequence: u16,
    sent: u64,
}

impl Burst {
    fn new(packets: u16) -> Self {
        Self {
            datagram: packet(0, SSRC),
            packets,
            sequence: 0,
            sent: 0,
        }
    }

    fn send(&mut self, source: &UdpSocket, to: SocketAddr) {
        for _ in 0..self.packets {
            self.sequence = self.sequence.wrapping_add(1);
            renumber(&mut self.datagram, self.sequence);
            source
                .send_to(&self.datagram, to)
                .expect("the packet is sent");
            self.sent += 1;
        }
    }
}

/// Receivers that nobody reads: when they are full, the kernel drops at their door.
fn sinks(count: u16) -> Vec<UdpSocket> {
    (0..count).map(|_| socket()).collect()
}

fn socket() -> UdpSocket {
    UdpSocket::bind(("127.0.0.1", 0)).expect("a port is free")
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}

criterion_group!(benches, udp_fan_out);
criterion_main!(benches);
