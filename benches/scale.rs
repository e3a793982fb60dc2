//! Many streams that receive: the cost of a tick follows its packets, not the streams that exist.
//!
//! Each stream has a transport of its own on one shared socket and sends 50 packets a second of 20
//! ms audio size, so that 10,000 of them bring 500 packets in every millisecond of virtual time.

use std::net::{Ipv4Addr, SocketAddr};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flumen::{Listen, ListenInfo, Loopback, Wire};
use flumen_benches::{Bench, packet, renumber};

/// The limit on reports of one tick, as the engine is built with by default.
const REPORTS_PER_TICK: u64 = 256;
/// Between two packets of a stream, in ticks of a millisecond.
const INTERVAL: u32 = 20;
const PACKET_LEN: usize = 120;
/// The port of the engine's only socket.
const PORT: u16 = 5_000;

/// Senders of one packet in each interval, evenly spread over its ticks.
struct Senders {
    bench: Bench,
    wire: Wire,
    streams: Vec<(SocketAddr, Vec<u8>)>,
    ticks: u32,
    most_reports: u64,
}

impl Senders {
    fn new(count: u32) -> Self {
        let (backend, wire) = Loopback::new();
        wire.set_recording(false);
        let mut bench = Bench::new(backend);
        let info = ListenInfo::at(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        let socket = bench.engine.open_socket(&info).expect("the port is free");
        let streams = (0..count).map(|index| {
            let octets = [10, (index >> 16) as u8, (index >> 8) as u8, index as u8];
            let from = SocketAddr::from((octets, 6_000));
            let transport = bench.transport(Listen::Shared(socket), from);
            bench.produce(transport, 1_000 + index);
            let mut datagram = packet(0, 1_000 + index);
            datagram.truncate(PACKET_LEN);
            (from, datagram)
        });
        let streams = streams.collect();
        Self {
            bench,
            wire,
            streams,
            ticks: 0,
            most_reports: 0,
        }
    }

    /// The packets of one millisecond, and the tick that takes them in.
    fn tick(&mut self) {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let (phase, sequence) = (self.ticks % INTERVAL, (self.ticks / INTERVAL) as u16);
        let mine = self.streams.iter_mut().skip(phase as usize);
        for (from, datagram) in mine.step_by(INTERVAL as usize) {
            renumber(datagram, sequence);
            assert!(self.wire.inject(to, *from, datagram), "the socket is open");
        }
        self.ticks += 1;
        let before = self.bench.engine.ledger().generated;
        self.bench.tick();
        let reports = self.bench.engine.ledger().generated - before;
        self.most_reports = self.most_reports.max(reports);
    }
}

fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scale/receive");
    group.sample_size(20);
    for streams in [100u32, 1_000, 10_000] {
        group.throughput(Throughput::Elements((streams / INTERVAL).into()));
        group.bench_function(BenchmarkId::from_parameter(streams), |bencher| {
            let mut senders = Senders::new(streams);
            // Every stream has begun, and the first reports are over.
            for _ in 0..2_000 {
                senders.tick();
            }
            senders.bench.engine.drain_events();
            bencher.iter(|| senders.tick());
            let accepted = senders.bench.engine.ledger().accepted;
            let sent = u64::from(senders.ticks) * u64::from(streams / INTERVAL);
            assert_eq!(accepted, sent, "every packet was taken in");
            assert!(
                senders.most_reports <= REPORTS_PER_TICK,
                "{} reports in a tick",
                senders.most_reports
            );
        });
    }
    group.finish();
}

criterion_group!(benches, receive);
criterion_main!(benches);
