//! One SCTP association, in memory: what its messages cost at both ends together.
//!
//! The limit beside it is the library behind the default, without the gate and its checks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flumen::Time;
use flumen::sctp::{Association, Config, Epoch, OutgoingMessage, Output, Reliability, State};

#[path = "sctp/bare.rs"]
mod bare;

/// Bytes of one batch; what waits in a sender stays below its limit.
const BATCH: usize = 1 << 20;
const TICK: Duration = Duration::from_millis(1);

/// Something that carries messages from one end to the other.
trait Line {
    /// Sends `count` messages and returns once all have arrived.
    fn carry(&mut self, payload: &Bytes, count: usize);
}

/// Two associations, a datagram away from each other.
struct Seam {
    ends: [Association; 2],
    now: Time,
    out: Output,
    arrived: usize,
}

impl Seam {
    fn new(associate: impl Fn(Config, Epoch) -> Association) -> Self {
        let epoch = Epoch::new(start());
        let mut seam = Self {
            ends: [0, 1].map(|_| associate(Config::default(), epoch.clone())),
            now: Time::ZERO,
            out: Output::default(),
            arrived: 0,
        };
        seam.ends[0].connect(seam.now);
        while seam.ends.iter().any(|end| end.state() != State::Connected) {
            seam.tick();
        }
        seam
    }

    /// Both ends take turns until neither has anything to say, then a millisecond passes.
    fn tick(&mut self) {
        loop {
            let mut is_silent = true;
            for from in [0, 1] {
                self.out.clear();
                self.ends[from].poll(self.now, &mut self.out);
                is_silent &= self.out.is_empty();
                self.arrived += self.out.messages.len();
                for datagram in self.out.datagrams() {
                    let taken = self.ends[1 - from].receive(self.now, datagram);
                    assert!(taken.is_ok());
                }
            }
            if is_silent {
                break;
            }
        }
        self.now += TICK;
        for end in &mut self.ends {
            if end.next_timeout().is_some_and(|due| due <= self.now) {
                end.advance(self.now);
            }
        }
    }
}

impl Line for Seam {
    fn carry(&mut self, payload: &Bytes, count: usize) {
        let message = OutgoingMessage {
            stream: 1,
            ppid: 53,
            ordered: true,
            reliability: Reliability::Reliable,
            payload: payload.clone(),
        };
        self.arrived = 0;
        let mut sent = 0;
        while self.arrived < count {
            while sent < count && self.ends[0].send(self.now, &message).is_ok() {
                sent += 1;
            }
            self.tick();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an instant can be had from the clock alone"
)]
fn start() -> Instant {
    Instant::now()
}

fn throughput(criterion: &mut Criterion) {
    let mut lines: Vec<(&str, Box<dyn Line>)> = vec![
        (
            "rtc-sctp behind the seam",
            Box::new(Seam::new(Association::new)),
        ),
        ("rtc-sctp alone", Box::new(bare::Bare::new(start()))),
    ];
    #[cfg(feature = "webrtc-sctp")]
    lines.push((
        "webrtc-sctp behind the seam",
        Box::new(Seam::new(Association::webrtc)),
    ));
    for size in [64, 1 << 10, 16 << 10, 256 << 10] {
        let mut group = criterion.benchmark_group(format!("sctp/{size} bytes"));
        let count = (BATCH / size).min(4_096);
        let payload = Bytes::from(vec![7; size]);
        group.throughput(Throughput::Elements(count as u64));
        group.sample_size(10);
        for (name, line) in &mut lines {
            // The other library sends nothing longer than 128 KiB.
            if size > 131_072 && name.starts_with("webrtc") {
                continue;
            }
            group.bench_function(*name, |bencher| {
                bencher.iter(|| line.carry(black_box(&payload), count));
            });
        }
    }
}

criterion_group!(benches, throughput);
criterion_main!(benches);
