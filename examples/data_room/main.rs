//! A room for messages: two who publish, five who listen to what they chose.
//!
//! A client with an SCTP stack of its own publishes over a real socket, and the program publishes
//! through a direct transport. Four data consumers hand messages to the program, the fifth sends
//! them to the client. It ends by itself after a few seconds, and tells whether everybody got
//! what was meant for them.
//!
//! `room.rs` is what an application does with the engine; `client/` is what is at the other end.

mod client;
mod room;
mod screen;
mod summary;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flumen::{Builder, Engine};

use client::Client;
use room::Room;
use screen::Screen;
use summary::Summary;

const USAGE: &str = "\
usage: data_room [--record FILE] [--json]

  --record FILE   record the run, to be run again by the example replay; FILE holds secrets
  --json          print nothing but the summary, as one JSON object";

/// Anything that ends this program early.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// For how long messages are sent.
const PUBLISHING: Duration = Duration::from_secs(3);
/// How long the last ones may take.
const ARRIVING: Duration = Duration::from_secs(5);
/// Longest sleep of the engine: the program sends what is due then.
const PATIENCE: Duration = Duration::from_millis(5);
/// Messages that the program sends in a second.
const RATE: u32 = 1_000;

fn main() -> ExitCode {
    let (mut json, mut builder) = (false, Engine::builder());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match (word.as_str(), words.len()) {
            ("--json", _) => json = true,
            ("--record", 1..) => builder = builder.record(words.next().unwrap_or_default()),
            ("--help" | "-h", _) => return help(),
            _ => return complain(USAGE),
        }
    }
    match run(builder, json) {
        Ok(summary) if summary.is_good() => ExitCode::SUCCESS,
        Ok(_) => complain("data_room: somebody did not get what was meant for them"),
        Err(failure) => complain(&format!("data_room: {failure}")),
    }
}

fn help() -> ExitCode {
    match writeln!(io::stdout(), "{USAGE}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(text: &str) -> ExitCode {
    // Nothing is left to be done when standard error is gone.
    let _ = writeln!(io::stderr(), "{text}");
    ExitCode::FAILURE
}

/// Plays, and sums up.
#[expect(
    clippy::disallowed_methods,
    reason = "an application keeps real time; the engine is told it"
)]
fn run(builder: Builder, json: bool) -> Result<Summary, Failure> {
    let client = Client::start()?;
    let mut room = Room::open(builder, client.address)?;
    let mut screen = Screen::new(json);
    while !room.is_connected()? {
        room.turn(PATIENCE)?;
    }
    let begun = Instant::now();
    client.publish();
    while begun.elapsed() < PUBLISHING {
        let due = u64::from(RATE) * begun.elapsed().as_millis() as u64 / 1_000;
        room.publish(due)?;
        room.turn(PATIENCE)?;
        screen.draw(&Summary::of(&room, &client)?)?;
    }
    client.fall_silent();
    let silent = Instant::now();
    let mut summary = Summary::of(&room, &client)?;
    while !summary.is_good() && silent.elapsed() < ARRIVING {
        room.turn(PATIENCE)?;
        summary = Summary::of(&room, &client)?;
    }
    client.leave()?;
    room.finish(ARRIVING)?;
    screen.conclude(&summary)?;
    Ok(summary)
}
