//! Ticks of small rooms: packets of a few of many participants, spread evenly, reach the others in
//! their rooms, beside bare forwarders over the same sockets. In the time of the thread that
//! forwards; who sends and who receives is not measured.

#[path = "../examples/forwarder/bare.rs"]
mod bare;
mod clock;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/layout.rs"]
mod layout;
#[path = "../examples/forwarder/messages.rs"]
mod messages;
#[path = "../examples/forwarder/packet.rs"]
mod packet;
#[path = "rooms/people.rs"]
mod people;
#[path = "../examples/forwarder/routed.rs"]
mod routed;
#[path = "../examples/forwarder/slots.rs"]
mod slots;
mod thread_time;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bare::Bare;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use flumen::{Builder, Engine, Loopback, Time, Udp};
use layout::{Layout, Sockets, Way};
use people::People;
use thread_time::ThreadTime;

/// Length of the header that the engine sends here: the fixed one, MID and abs-send-time.
const OUT_HEADER_LEN: usize = 12 + 4 + 8;
/// Written over before a cold tick: more than the caches of a core hold.
const CACHES: usize = 8 << 20;
/// Packets a second of each participant: how fast time goes.
const RATE: u32 = 50;

/// One thing to measure.
struct Case {
    layout: Layout,
    sockets: Sockets,
    /// Packets of different participants that one tick finds.
    packets: u16,
    cold: bool,
}

fn rooms(criterion: &mut Criterion<ThreadTime>) {
    for (rooms, participants) in [(50, 4), (10, 10)] {
        for packets in [1_u16, 10] {
            for cold in [false, true] {
                let caches = if cold { "cold" } else { "warm" };
                let name = format!("rooms_{rooms}x{participants}/{packets}_packets_{caches}");
                let mut group = criterion.benchmark_group(name);
                let copies = u64::from(packets) * u64::from(participants - 1);
                group.throughput(Throughput::Elements(copies));
                group.sample_size(20);
                group.warm_up_time(Duration::from_millis(500));
                group.measurement_time(Duration::from_secs(2));
                let case = |sockets| Case {
                    layout: Layout::rooms(
                        rooms,
                        participants,
                        people::first_port(rooms * participants),
                    )
                    .expect("there are not too many"),
                    sockets,
                    packets,
                    cold,
                };
                in_memory(&mut group, &case(Sockets::Shared));
                for sockets in [Sockets::Shared, Sockets::Own] {
                    engine(&mut group, &case(sockets));
                    bare(&mut group, &case(sockets), Way::Sendmmsg);
                    bare(&mut group, &case(sockets), Way::Gso);
                }
                group.finish();
            }
        }
    }
}

type Group<'a> = BenchmarkGroup<'a, ThreadTime>;

/// The engine without sockets.
fn in_memory(group: &mut Group<'_>, case: &Case) {
    group.bench_function("loopback", |bencher| {
        let (backend, wire) = Loopback::new();
        wire.set_recording(false);
        let mut ticking = Ticking::new(Engine::builder().backend(backend), case);
        let mut people = People::imaginary(&case.layout);
        bencher.iter_custom(|iterations| {
            case.repeat(iterations, || {
                for _ in 0..case.packets {
                    let (sender, datagram) = people.next();
                    let from = case.layout.address(sender as u16);
                    wire.inject(ticking.entrances[sender], from, datagram);
                }
                ticking.tick()
            })
        });
        ticking.check(case, people.sent());
    });
}

/// The engine on real sockets.
fn engine(group: &mut Group<'_>, case: &Case) {
    group.bench_function(case.id("engine"), |bencher| {
        let mut people = People::real(&case.layout);
        let udp = Udp::new().expect("sockets can be waited for");
        let mut ticking = Ticking::new(Engine::builder().backend(udp), case);
        let mut received = 0;
        bencher.iter_custom(|iterations| {
            case.repeat(iterations, || {
                (0..case.packets).for_each(|_| people.send(&ticking.entrances));
                let spent = ticking.tick();
                received += people.receive();
                spent
            })
        });
        ticking.check(case, people.sent());
        assert_eq!(received, case.copies(people.sent()), "all was received");
    });
}

/// A bare loop over the same sockets.
fn bare(group: &mut Group<'_>, case: &Case, way: Way) {
    let name = match way {
        Way::Sendmmsg => "sendmmsg",
        Way::Gso => "gso",
    };
    group.bench_function(case.id(name), |bencher| {
        let mut people = People::real(&case.layout);
        let bare = Bare::open(&case.layout, case.sockets, way, OUT_HEADER_LEN);
        let mut bare = bare.expect("ports are free");
        let entrances = bare.entrances().to_vec();
        let mut received = 0;
        bencher.iter_custom(|iterations| {
            case.repeat(iterations, || {
                (0..case.packets).for_each(|_| people.send(&entrances));
                let spent = case.measure(|| bare.pass().expect("the datagrams are sent"));
                received += people.receive();
                spent
            })
        });
        assert_eq!(received, case.copies(people.sent()), "all was received");
    });
}

/// An engine with what a case asks for, on virtual time.
struct Ticking<'a> {
    engine: Engine,
    entrances: Vec<SocketAddr>,
    now: Time,
    case: &'a Case,
}

impl<'a> Ticking<'a> {
    fn new(builder: Builder, case: &'a Case) -> Self {
        let own = case.layout.own_ports();
        let builder = builder.port_range(*own.start(), *own.end());
        let mut engine = builder.seed([1; 32]).build().expect("the engine builds");
        let entrances = routed::open(&mut engine, &case.layout, case.sockets);
        Self {
            engine,
            entrances: entrances.expect("ports are free"),
            now: Time::ZERO,
            case,
        }
    }

    /// One tick, at the time at which so many packets have come: how long it took.
    fn tick(&mut self) -> Duration {
        let a_second = RATE * self.case.layout.senders.len() as u32;
        self.now += Duration::from_secs(1) * u32::from(self.case.packets) / a_second;
        let (engine, now) = (&mut self.engine, self.now);
        self.case
            .measure(|| engine.tick(now).expect("the tick runs"))
    }

    fn check(&self, case: &Case, packets: u64) {
        let ledger = self.engine.ledger();
        assert_eq!(ledger.enqueued, case.copies(packets), "all was forwarded");
        assert_eq!(
            ledger.sent,
            ledger.enqueued + ledger.generated,
            "all was sent"
        );
    }
}

impl Case {
    fn id(&self, who: &str) -> BenchmarkId {
        let sockets = match self.sockets {
            Sockets::Shared => "shared",
            Sockets::Own => "own",
        };
        BenchmarkId::new(sockets, who)
    }

    fn copies(&self, packets: u64) -> u64 {
        packets * self.layout.copies() as u64
    }

    fn repeat(&self, iterations: u64, mut once: impl FnMut() -> Duration) -> Duration {
        (0..iterations).map(|_| once()).sum()
    }

    /// How long the calling thread runs for it, which finds nothing in its caches when it is cold.
    fn measure<T>(&self, act: impl FnOnce() -> T) -> Duration {
        if self.cold {
            let mut others = vec![0_u8; CACHES];
            others.iter_mut().step_by(64).for_each(|byte| *byte += 1);
            black_box(&others);
        }
        let started = ThreadTime::now();
        black_box(act());
        ThreadTime::now() - started
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadTime);
    targets = rooms
}
criterion_main!(benches);
