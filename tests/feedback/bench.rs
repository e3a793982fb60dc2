//! A bench of simulated links: what is made of them, as a table that is reviewed.
//!
//! `FLUMEN_LINKS=all cargo test --release -p flumen-tests --test feedback bench` runs all of them, a
//! part of their names and number of videos in place of `all` those that have it, and a few run
//! without that.

mod cases;
mod run;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{CASES, Case, VIDEOS};
use run::{Outcome, run};

const GOLDEN: &str = include_str!("bench.md");
const HEAD: &str = "\
| link | videos | used | fits | queue | lost | down | up | changes | frozen | padding |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
";

/// Those that every run of the tests has.
const ALWAYS: [(&str, usize); 3] = [
    ("5.1 one flow", 5),
    ("16 packets", 1),
    ("16 packets, ± 10 %", 5),
];

fn row(case: &Case, videos: usize, outcome: Outcome) -> String {
    let ms = |span: Option<u64>| span.map_or_else(|| "".to_owned(), |ms| format!("{ms} ms"));
    format!(
        "| {} | {videos} | {} % | {} % | {} ms | {}.{:02} % | {} | {} | {}.{} | {} | {} % |\n",
        case.name,
        outcome.used,
        outcome.fits,
        outcome.queue_ms,
        outcome.lost / 100,
        outcome.lost % 100,
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

/// The rows of `cases`, in order, by as many threads as there are processors.
fn rows(cases: &[(&'static Case, usize)]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(vec![String::new(); cases.len()]);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(case, videos)) = cases.get(index) else {
                return;
            };
            let row = row(case, videos, run(case, videos));
            rows.lock().unwrap()[index] = row;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    rows.into_inner().unwrap()
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
    let rows = rows(&cases);
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
