//! Long sequences of anything, for a whole engine.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use flumen::Ledger;
use flumen::components::{Control, Counts, Discard, Reason, Refusal, RtcpFault, Withheld};
use flumen_tests::Noise;
use flumen_tests::any_input::{Call, seeds};

use super::{change, wanted};

/// Operations in a sequence, at least.
const OPERATIONS: usize = 100;
/// Sequences that one engine plays, one after the other.
const TOGETHER: usize = 32;
/// Threads that play.
const THREADS: usize = 2;

/// What became of something, by name.
#[derive(Default)]
struct Reached(BTreeSet<&'static str>);

impl Reached {
    fn add(&mut self, ledger: &Ledger) {
        self.add_all(&ledger.consumed);
        self.add_all(&ledger.rtcp_faults);
        self.add_all(&ledger.discarded);
        self.add_all(&ledger.withheld);
        self.add_all(&ledger.refused);
    }

    fn add_all<R: Reason>(&mut self, counts: &Counts<R>) {
        let names = counts.nonzero().map(|(reason, _)| reason.name());
        self.0.extend(names);
    }

    fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        missing.extend(self.missing_of::<Control>());
        missing.extend(self.missing_of::<RtcpFault>());
        missing.extend(self.missing_of::<Discard>());
        missing.extend(self.missing_of::<Withheld>());
        missing.extend(self.missing_of::<Refusal>());
        missing
    }

    fn missing_of<R: Reason>(&self) -> impl Iterator<Item = &'static str> {
        let all = R::ALL.iter().map(|reason| reason.name());
        all.filter(|name| !self.0.contains(name))
    }
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who fuzzes wants to know what was reached"
)]
fn an_engine_outlives_long_sequences_of_anything() {
    let wanted = wanted("FLUMEN_SEQUENCES", 256);
    let played: Vec<Reached> = thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| scope.spawn(move || play_some(thread, wanted)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let names = played.into_iter().flat_map(|reached| reached.0);
    let reached = Reached(names.collect());
    let missing = reached.missing();
    println!("{} outcomes, and none of {missing:?}", reached.0.len());
    assert!(reached.0.len() > 40, "more than that is within reach");
}

/// Plays every so many of the sequences.
fn play_some(thread: usize, wanted: u64) -> Reached {
    let seeds = seeds("room");
    let mut reached = Reached::default();
    let calls = (0..wanted).step_by(TOGETHER).skip(thread).step_by(THREADS);
    for first in calls {
        let played = catch_unwind(AssertUnwindSafe(|| play_together(first, &seeds)));
        let Ok(ledger) = played else {
            panic!("a sequence fails of those that share an engine, from {first} on");
        };
        reached.add(&ledger);
    }
    reached
}

fn play_together(first: u64, seeds: &[Vec<u8>]) -> Ledger {
    let mut call = Call::default();
    for sequence in (first..).take(TOGETHER) {
        let mut noise = Noise::new(sequence);
        call.renew();
        let mut operations = 0;
        while operations < OPERATIONS {
            operations += call.play(&part(&mut noise, seeds));
        }
    }
    call.ledger().clone()
}

/// A part of a sequence: any bytes, or something near a few seeds.
fn part(noise: &mut Noise, seeds: &[Vec<u8>]) -> Vec<u8> {
    if noise.below(2) == 0 {
        return (0..2_000).map(|_| noise.bits() as u8).collect();
    }
    let mut part = Vec::new();
    for _ in 0..4 {
        let mut seed = seeds[noise.below(seeds.len() as u64) as usize].clone();
        change(&mut seed, noise);
        part.extend(seed);
    }
    part
}
