//! Runs a recorded run again, and compares all that it puts out.
//!
//! For runs whose engine had plugins of its own, copy this and add them to the builder.

mod arguments;
mod bar;
mod world;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use flumen::{Recording, Replay, Tick};

use arguments::{Arguments, USAGE};
use bar::Bar;

fn main() -> ExitCode {
    let mut stderr = io::stderr();
    // Nothing is left to be done when standard error is gone.
    let mut complain = |text: &str| drop(writeln!(stderr, "{text}"));
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            drop(writeln!(io::stdout(), "{USAGE}"));
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            complain(&format!("{mistake}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("\nreplay: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let recording = Recording::open(&arguments.file)?;
    let builder = recording.builder();
    let mut replay = Replay::new(recording, builder)?;
    let mut bar = Bar::default();
    let mut sum = Sum::default();
    while let Some(tick) = replay.step()? {
        sum.add(&tick);
        bar.draw(replay.progress(), &tick)?;
        if arguments.at == Some(tick.number) {
            bar.clear()?;
            return world::print(replay.engine(), arguments.about.as_deref());
        }
    }
    bar.clear()?;
    if let Some(at) = arguments.at {
        return Err(format!("the run ended behind tick {}, before {at}", sum.ticks).into());
    }
    let end = match replay.is_complete() {
        true => "to its end",
        false => "up to where its recording had to stop",
    };
    let Sum {
        ticks,
        datagrams,
        bytes,
    } = sum;
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "the same {end}: {ticks} ticks, {datagrams} datagrams, {bytes} bytes"
    )?;
    Ok(())
}

/// What was the same.
#[derive(Default)]
struct Sum {
    ticks: u64,
    datagrams: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, tick: &Tick) {
        self.ticks = tick.number;
        self.datagrams += tick.outputs.datagrams;
        self.bytes += tick.outputs.bytes;
    }
}
