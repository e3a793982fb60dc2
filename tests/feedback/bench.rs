//! A bench of simulated links: what is made of them, as a table that is reviewed.
//!
//! `FLUMEN_LINKS=all cargo test --release -p flumen-tests --test feedback bench` runs all of them, a
//! part of their names and number of videos in place of `all` those that have it, and a few run
//! without that. What chance makes of a link decides much: `FLUMEN_SEEDS=8` besides shows what is made
//! of each on average over eight runs, of which the first is that of the table.

mod cases;
mod goals;
mod ideal;
mod outcome;
mod run;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{CASES, Case, VIDEOS};
use outcome::Outcome;
use run::run;

const GOLDEN: &str = include_str!("bench.md");
const HEAD: &str = "\
| link | videos | used | fits | queue | lost | ideally | down | up | changes | frozen | padding |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
";

/// Those that every run of the tests has.
const ALWAYS: [(&str, usize); 4] = [
    ("5.1 one flow", 5),
    ("5.6 long TCP", 5),
    ("16 packets", 1),
    ("16 packets, ± 10 %", 5),
];

fn row(case: &Case, videos: usize, outcome: Outcome) -> String {
    let ms = |span: Option<u64>| span.map_or_else(|| "".to_owned(), |ms| format!("{ms} ms"));
    let share = |lost: u64| format!("{}.{:02} %", lost / 100, lost % 100);
    format!(
        "| {} | {videos} | {} % | {} % | {} ms | {} | {} | {} | {} | {}.{} | {} | {} % |\n",
        case.name,
        outcome.used,
        outcome.fits,
        outcome.queue_ms,
        share(outcome.lost),
        outcome.ideal.map(share).unwrap_or_default(),
        ms(outcome.down_ms),
        ms(outcome.up_ms),
        outcome.changes / 10,
        outcome.changes % 10,
        ms(outcome.frozen_ms),
        outcome.padding,
    )
}

/// Every case with every number of videos.
fn all() -> impl Iterator<Item = (&'static Case, usize)> {
    let with = |case| VIDEOS.iter().map(move |&videos| (case, videos));
    CASES.iter().flat_map(with)
}

/// A case, videos, and what chance makes of it.
type Task = (&'static Case, usize, u64);

/// What becomes of `tasks`, in order, by as many threads as there are processors.
fn outcomes(tasks: &[Task]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![None; tasks.len()]);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(case, videos, seed)) = tasks.get(index) else {
                return;
            };
            let outcome = run(case, videos, seed);
            outcomes.lock().unwrap()[index] = Some(outcome);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    outcomes.into_iter().flatten().collect()
}

/// The rows of `cases`, in order: of so many runs of each, on average.
fn rows(cases: &[(&'static Case, usize)], seeds: u64) -> Vec<String> {
    let each = |&(case, videos)| (0..seeds).map(move |seed| (case, videos, seed));
    let tasks: Vec<Task> = cases.iter().flat_map(each).collect();
    let outcomes = outcomes(&tasks);
    let of_cases = cases.iter().zip(outcomes.chunks(seeds as usize));
    let rows = of_cases.map(|(&(case, videos), of)| row(case, videos, Outcome::mean(of)));
    rows.collect()
}

#[test]
fn what_is_made_of_links_is_as_it_was_reviewed() {
    let wish = std::env::var("FLUMEN_LINKS").ok();
    let is_run = |&(case, videos): &(&Case, usize)| {
        wish.as_ref().map_or_else(
            || ALWAYS.contains(&(case.name, videos)),
            |wish| wish == "all" || format!("{} {videos}", case.name).contains(wish.as_str()),
        )
    };
    let cases: Vec<_> = all().filter(is_run).collect();
    let seeds = std::env::var("FLUMEN_SEEDS").map_or(1, |seeds| seeds.parse().unwrap());
    let rows = rows(&cases, seeds);
    let missing: String = rows
        .iter()
        .filter(|row| !GOLDEN.contains(row.as_str()))
        .cloned()
        .collect();
    assert!(
        missing.is_empty(),
        "tests/feedback/bench.md would have\n{HEAD}{missing}"
    );
}
