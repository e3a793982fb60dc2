//! Plays rooms of one seed after the other, and stops at the first that breaks a rule or panics: with
//! the seed, and the command that plays that room again.
//!
//! `cargo run --release -p flumen-sim --example sweep -- [MINUTES] [FIRST_SEED]`

use std::cmp::Reverse;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flumen_sim::{AnyRoom, Cell};

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: sweep [MINUTES [FIRST_SEED]]: one minute from seed 0 unless told";
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);
/// Cells that are told.
const WORST: usize = 3;

fn main() -> ExitCode {
    match sweep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // In a line of its own, behind that of the progress.
            let _ = writeln!(io::stderr(), "\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn sweep() -> Result<(), Failure> {
    let arguments: Result<Vec<u64>, _> = std::env::args().skip(1).map(|it| it.parse()).collect();
    let Ok(arguments) = arguments else {
        return Err(USAGE.into());
    };
    let minutes = arguments.first().copied().unwrap_or(1);
    let first = arguments.get(1).copied().unwrap_or(0);
    let begin = now();
    let end = begin + Duration::from_secs(60 * minutes);
    let mut sweep = Sweep::default();
    let mut told = begin;
    for seed in first.. {
        let played = AnyRoom::try_seed(seed)?;
        sweep.add(played.time, &played.cells);
        let time = now();
        if time >= told + PROGRESS || time >= end {
            told = time;
            sweep.tell(time - begin)?;
        }
        if time >= end {
            break;
        }
    }
    writeln!(io::stdout())?;
    Ok(())
}

/// What was played so far.
#[derive(Default)]
struct Sweep {
    rooms: u64,
    time: Duration,
    worst: Vec<Cell>,
}

impl Sweep {
    fn add(&mut self, time: Duration, cells: &[Cell]) {
        self.rooms += 1;
        self.time += time;
        self.worst.extend(cells);
        self.worst
            .sort_by_key(|cell| Reverse(cell.waited + cell.frozen));
        self.worst.truncate(WORST);
    }

    fn tell(&self, elapsed: Duration) -> io::Result<()> {
        let speed = self.time.as_millis() / elapsed.as_millis().max(1);
        let mut out = io::stdout();
        write!(
            out,
            "\r{} rooms, {speed} hours an hour of a core; without a picture:",
            self.rooms
        )?;
        for cell in &self.worst {
            let Cell { seed, to, from, .. } = cell;
            write!(
                out,
                " {} ms (seed {seed}, {from} to {to})",
                (cell.waited + cell.frozen).as_millis()
            )?;
        }
        out.flush()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a sweep takes minutes of the machine's time"
)]
fn now() -> Instant {
    Instant::now()
}
