//! Whole ticks on real sockets, by one thread and by more: how long they take, and how much time of
//! processors all threads take together.
//!
//! Without criterion, since each tick is measured in two ways, and since numbers of threads take turns
//! within a run: on a machine that others use, ratios of neighbours say more than two averages.

mod clock;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/layout.rs"]
mod layout;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../examples/forwarder/packet.rs"]
mod packet;
#[allow(dead_code, reason = "the bench `rooms` needs more of it")]
#[path = "rooms/people.rs"]
mod people;
#[path = "threads/process_time.rs"]
mod process_time;
#[path = "../examples/forwarder/routed.rs"]
mod routed;
#[allow(dead_code, reason = "other benches need more of it")]
mod sockets;

use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use flumen::srtp::CryptoSuite;
use flumen::{Builder, Engine, Listen, ListenInfo, Time};
use flumen_benches::{Bench, SSRC};
use layout::{Layout, Sockets};
use people::People;
use process_time::Spent;
use sockets::{Burst, address, local, sinks, socket};

/// How often each number of threads has its turn.
const ROUNDS: usize = 9;
/// How long a turn is, about.
const TURN: Duration = Duration::from_millis(150);

/// What is measured: a tick, and what is to be done before and behind it.
trait Work {
    /// How many datagrams a tick sends.
    fn datagrams(&self) -> usize;
    fn prepare(&mut self);
    fn tick(&mut self);
    fn clear(&mut self);
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = [1, 2, 4, 8, 16]
        .into_iter()
        .filter(|n| *n <= cores.max(2))
        .collect();
    writeln!(out, "{cores} cores; medians of {ROUNDS} turns; a datagram:")?;
    for (receivers, burst) in [(100, 1), (500, 1), (100, 10), (500, 10)] {
        let name = format!("{burst} to {receivers}, sealed");
        let make = |threads| Sealed::new(receivers, burst, threads);
        compare(&mut out, &name, &threads, make)?;
    }
    for (rooms, participants, packets) in [(50, 4, 10), (50, 4, 80), (10, 10, 10), (10, 10, 80)] {
        let name = format!("{packets} in {rooms} rooms of {participants}");
        let make = |threads| Rooms::new((rooms, participants), packets, threads);
        compare(&mut out, &name, &threads, make)?;
    }
    Ok(())
}

/// Measures in turns, and prints medians, and medians of the ratios of turns to the one before them
/// that one thread had.
fn compare<W: Work>(
    out: &mut impl Write,
    name: &str,
    threads: &[usize],
    make: impl Fn(usize) -> W,
) -> io::Result<()> {
    let mut works: Vec<_> = threads.iter().map(|&threads| make(threads)).collect();
    let mut turns = vec![Vec::new(); works.len()];
    for work in &mut works {
        take_turn(work);
    }
    for _ in 0..ROUNDS {
        for (work, turns) in works.iter_mut().zip(&mut turns) {
            turns.push(take_turn(work));
        }
    }
    for (threads, of_them) in threads.iter().zip(&turns) {
        let median_of = |value: fn(&Spent) -> f64| median(of_them.iter().map(value));
        let ratio = |value: fn(&Spent) -> f64| {
            let pairs = turns[0].iter().zip(of_them);
            median(pairs.map(|(alone, together)| value(alone) / value(together)))
        };
        writeln!(
            out,
            "{name:32} {threads:2} threads: {:5.2} µs, {:5.2} µs of processors; {:4.2} times as fast",
            median_of(|spent| spent.wall) * 1e6,
            median_of(|spent| spent.processors) * 1e6,
            ratio(|spent| spent.wall),
        )?;
    }
    Ok(())
}

/// Ticks for a while: what a datagram took.
fn take_turn(work: &mut impl Work) -> Spent {
    let mut all = Spent::default();
    let mut ticks = 0;
    while all.wall < TURN.as_secs_f64() {
        work.prepare();
        all = all + Spent::by(|| work.tick());
        work.clear();
        ticks += 1;
    }
    all / (ticks * work.datagrams()) as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Packets of one producer reach many receivers by one socket, sealed for each. Nobody reads them.
struct Sealed {
    bench: Bench,
    source: UdpSocket,
    _sinks: Vec<UdpSocket>,
    to: SocketAddr,
    burst: Burst,
    receivers: u16,
}

impl Sealed {
    fn new(receivers: u16, burst: u16, threads: usize) -> Self {
        let (sinks, source) = (sinks(receivers), socket());
        let mut bench = Bench::of(Engine::builder().threads(threads));
        let info = ListenInfo::new([127, 0, 0, 1].into());
        let sender = bench.transport(Listen::Own(info.clone()), address(&source));
        let producer = bench.produce(sender, SSRC);
        let shared = bench.engine.open_socket(&info).expect("a port is free");
        for sink in &sinks {
            let (listen, suite) = (Listen::Shared(shared), CryptoSuite::AeadAes128Gcm);
            let receiver = bench.sealed_transport(listen, address(sink), suite);
            bench.consume(receiver, producer);
        }
        Self {
            to: local(&bench.engine, sender),
            bench,
            source,
            _sinks: sinks,
            burst: Burst::new(burst),
            receivers,
        }
    }
}

impl Work for Sealed {
    fn datagrams(&self) -> usize {
        usize::from(self.receivers) * usize::from(self.burst.packets)
    }

    fn prepare(&mut self) {
        self.burst.send(&self.source, self.to);
    }

    fn tick(&mut self) {
        self.bench.tick();
    }

    fn clear(&mut self) {
        let ledger = self.bench.engine.ledger();
        let all = self.burst.sent * u64::from(self.receivers);
        assert_eq!(ledger.enqueued, all, "all was forwarded");
        assert_eq!(ledger.sent, all + ledger.generated, "all was sent");
    }
}

/// Packets of different participants of many rooms reach the others in their rooms, who receive them.
struct Rooms {
    engine: Engine,
    entrances: Vec<SocketAddr>,
    people: People,
    packets: usize,
    copies: usize,
    received: u64,
    now: Time,
}

impl Rooms {
    fn new((rooms, participants): (u16, u16), packets: usize, threads: usize) -> Self {
        let first_port = people::first_port(rooms * participants);
        let layout =
            Layout::rooms(rooms, participants, first_port).expect("there are not too many");
        let people = People::real(&layout);
        let mut engine = settings(&layout)
            .threads(threads)
            .build()
            .expect("the engine builds");
        let entrances = routed::open(&mut engine, &layout, Sockets::Shared);
        Self {
            engine,
            entrances: entrances.expect("ports are free"),
            people,
            packets,
            copies: layout.copies(),
            received: 0,
            now: Time::ZERO,
        }
    }
}

fn settings(layout: &Layout) -> Builder {
    let own = layout.own_ports();
    let builder = Engine::builder().port_range(*own.start(), *own.end());
    builder.seed([1; 32]).datagrams_per_socket(1_024)
}

impl Work for Rooms {
    fn datagrams(&self) -> usize {
        self.packets * self.copies
    }

    fn prepare(&mut self) {
        (0..self.packets).for_each(|_| self.people.send(&self.entrances));
        self.now += Duration::from_millis(1);
    }

    fn tick(&mut self) {
        self.engine.tick(self.now).expect("the tick runs");
    }

    fn clear(&mut self) {
        self.received += self.people.receive();
        let all = self.people.sent() * self.copies as u64;
        assert_eq!(self.received, all, "all was received");
    }
}
