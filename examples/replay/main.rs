//! Runs a recorded run again, and compares all that it puts out.
//!
//! For runs whose engine had plugins of its own, copy this and add them to the builder.

mod arguments;
mod bar;
mod capture;
mod datagram;
mod world;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use flumen::{Recording, Replay, Tick, View};

use arguments::{Arguments, USAGE};
use bar::Bar;
use capture::Capture;

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
    let begun = recording.begun();
    let mut replay = Replay::new(recording, builder)?;
    let captured = match &arguments.pcapng {
        Some(to) => Some(capture(&mut replay, (to, arguments.view), begun)?),
        None => None,
    };
    let mut bar = Bar::default();
    let mut sum = Sum::default();
    while let Some(tick) = replay.step()? {
        sum.add(&tick);
        bar.draw(replay.progress(), &tick)?;
        if arguments.at == Some(tick.number) {
            bar.clear()?;
            world::print(replay.engine(), arguments.about.as_deref())?;
            return Ok(finish(captured.as_ref())?);
        }
        if let Some(at) = arguments.at.filter(|&at| at < tick.number) {
            bar.clear()?;
            let number = tick.number;
            return Err(format!("the recording begins with tick {number}, behind {at}").into());
        }
    }
    bar.clear()?;
    finish(captured.as_ref())?;
    if let Some(at) = arguments.at {
        return Err(format!("the run ended behind tick {}, before {at}", sum.last).into());
    }
    let end = match replay.is_complete() {
        true => "to its end",
        false => "up to where its recording had to stop",
    };
    let Sum {
        ticks,
        datagrams,
        bytes,
        ..
    } = sum;
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "the same {end}: {ticks} ticks, {datagrams} datagrams, {bytes} bytes"
    )?;
    Ok(())
}

/// A capture, and the first failure to write it.
type Captured = Arc<Mutex<(Capture<BufWriter<File>>, io::Result<()>)>>;

/// Writes all that comes and leaves.
fn capture(
    replay: &mut Replay,
    (to, view): (&Path, View),
    begun: SystemTime,
) -> Result<Captured, Box<dyn Error>> {
    let epoch = begun.duration_since(UNIX_EPOCH)?;
    let captured = Arc::new(Mutex::new((Capture::create(to, epoch)?, Ok(()))));
    let watcher = Arc::clone(&captured);
    replay.watch(view, move |passage| {
        let mut watcher = watcher.lock().expect("nothing panics while it writes");
        let (capture, written) = &mut *watcher;
        if written.is_ok() {
            *written = capture.add(&passage);
        }
    });
    Ok(captured)
}

/// Writes the rest: whether all of it could be written.
fn finish(captured: Option<&Captured>) -> io::Result<()> {
    let Some(captured) = captured else {
        return Ok(());
    };
    let mut captured = captured.lock().expect("nothing panics while it writes");
    let (capture, written) = &mut *captured;
    std::mem::replace(written, Ok(())).and_then(|()| capture.finish())
}

/// What was the same.
#[derive(Default)]
struct Sum {
    ticks: u64,
    /// The number of the last one: a recording may begin in the middle of a run.
    last: u64,
    datagrams: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, tick: &Tick) {
        self.ticks += 1;
        self.last = tick.number;
        self.datagrams += tick.outputs.datagrams;
        self.bytes += tick.outputs.bytes;
    }
}
