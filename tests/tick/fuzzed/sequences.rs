//! Long sequences of anything, for a whole engine.

use std::collections::BTreeSet;
use std::ops::Range;
use std::thread;

use flumen::Ledger;
use flumen::components::{Control, Counts, Discard, Reason, Refusal, RtcpFault, Withheld};
use flumen_tests::Noise;
use flumen_tests::any_input::{Call, made};

use super::numbers::SEQUENCES;
use super::outcomes::{OFTEN, SELDOM};
use super::part;

/// Operations in a sequence, at least.
const OPERATIONS: usize = 100;
/// Sequences that one engine plays, one after the other.
const TOGETHER: usize = 32;
/// Threads that play.
const THREADS: usize = 2;
/// What plays them.
const TEST: &str = "fuzzed::sequences";

/// What became of something, by name.
#[derive(Default)]
struct Outcomes(BTreeSet<String>);

impl Outcomes {
    /// Those that there are.
    fn all() -> Self {
        let mut all = Self::default();
        all.add_each("consumed", Control::ALL);
        all.add_each("faulty", RtcpFault::ALL);
        all.add_each("discarded", Discard::ALL);
        all.add_each("withheld", Withheld::ALL);
        all.add_each("refused", Refusal::ALL);
        all
    }

    fn add(&mut self, ledger: &Ledger) {
        self.add_counted("consumed", &ledger.consumed);
        self.add_counted("faulty", &ledger.rtcp_faults);
        self.add_counted("discarded", &ledger.discarded);
        self.add_counted("withheld", &ledger.withheld);
        self.add_counted("refused", &ledger.refused);
    }

    fn add_counted<R: Reason>(&mut self, fate: &str, counts: &Counts<R>) {
        let reasons: Vec<R> = counts.nonzero().map(|(reason, _)| reason).collect();
        self.add_each(fate, &reasons);
    }

    fn add_each<R: Reason>(&mut self, fate: &str, reasons: &[R]) {
        let names = reasons.iter().map(|reason| reason.name());
        self.0.extend(names.map(|name| format!("{fate}: {name}")));
    }
}

/// Those that are required of the first so many sequences, and are not among `reached`.
fn lost(reached: &Outcomes, sequences: &Range<u64>) -> Vec<&'static str> {
    let lists = [(256, OFTEN), (50_000, SELDOM)];
    let is_played = |least| sequences.start == 0 && sequences.end >= least;
    let lists = lists.into_iter().filter(|(least, _)| is_played(*least));
    let required = lists.flat_map(|(_, list)| list.iter().copied());
    required.filter(|it| !reached.0.contains(*it)).collect()
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "who fuzzes wants to know what was reached"
)]
fn an_engine_outlives_long_sequences_of_anything() {
    let sequences = SEQUENCES.asked_for(256);
    let played: Vec<Outcomes> = thread::scope(|scope| {
        let play = |thread| play_some(thread, sequences.clone());
        let threads = (0..THREADS).map(|thread| scope.spawn(move || play(thread)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let names = played.into_iter().flat_map(|reached| reached.0);
    let reached = Outcomes(names.collect());
    let all = Outcomes::all().0;
    let missing: Vec<_> = all.difference(&reached.0).collect();
    println!("{} outcomes, and none of {missing:?}", reached.0.len());
    let lost = lost(&reached, &sequences);
    assert!(lost.is_empty(), "no longer reached: {lost:?}");
}

/// Plays every so many of the sequences.
fn play_some(thread: usize, sequences: Range<u64>) -> Outcomes {
    let seeds = made("room");
    let mut reached = Outcomes::default();
    let calls = sequences.step_by(TOGETHER).skip(thread).step_by(THREADS);
    for first in calls {
        let together = first..first + TOGETHER as u64;
        let play = || play_together(together.clone(), &seeds);
        let Outcomes(more) = SEQUENCES.play(together.clone(), TEST, play);
        reached.0.extend(more);
    }
    reached
}

fn play_together(sequences: Range<u64>, seeds: &[Vec<u8>]) -> Outcomes {
    let mut call = Call::default();
    for sequence in sequences {
        let mut noise = Noise::new(sequence);
        call.renew();
        let mut operations = 0;
        while operations < OPERATIONS {
            operations += call.play(&part(&mut noise, seeds));
        }
    }
    let mut reached = Outcomes::default();
    reached.add(call.ledger());
    let told = (call.channels() > 0).then(|| "told: datachannelopen".into());
    reached.0.extend(told);
    reached
}
