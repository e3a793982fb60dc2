//! A relay: media comes in once and goes out to everyone who wants it.
//!
//! Without arguments it plays a recorded browser (VP8 and Opus) to itself: from real sockets,
//! through the engine, to real sockets, where every packet is compared with the recording. With
//! `--listen` it waits for a real sender instead.
//!
//! `play.rs` and `listen.rs` tell the story; `room.rs` is what an application does with the engine.

mod arguments;
mod capture;
mod commands;
mod ink;
mod listen;
mod play;
mod player;
mod receiver;
mod recordings;
mod room;
mod running;
mod screen;
mod snapshot;
mod summary;
mod table;
mod verdict;

use std::io::{self, Write};
use std::process::ExitCode;

use flumen::Engine;

use arguments::{Arguments, USAGE};
use running::Failure;
use screen::Screen;

fn main() -> ExitCode {
    let mut stderr = io::stderr();
    // Nothing is left to be done when standard error is gone.
    let mut complain = |text: &str| drop(writeln!(stderr, "{text}"));
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return help(),
        Err(mistake) => {
            complain(&format!("{mistake}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            complain(&format!("relay: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn help() -> ExitCode {
    match writeln!(io::stdout(), "{USAGE}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Runs, and tells whether all went well.
fn run(arguments: Arguments) -> Result<bool, Failure> {
    let mut screen = Screen::new(arguments.json);
    let builder = match &arguments.record {
        None => Engine::builder(),
        Some(file) => Engine::builder().record(file),
    };
    let summary = match arguments.listen {
        None => play::play(builder, &mut screen)?,
        Some(listening) => listen::listen(builder, listening, &mut screen)?,
    };
    if arguments.json {
        summary.print_json()?;
    }
    Ok(summary.is_good())
}
