//! Drives the example `forwarder`, and says what a forwarded packet costs and how long it is on its
//! way.
//!
//! One thread sends on time and receives everything. When a packet has come is what the kernel wrote
//! down, and what it cost is told by the scheduler's account of the thread that forwards.

mod arguments;
mod forwarder;
#[path = "../../examples/forwarder/packet.rs"]
mod packet;
mod processor;
mod report;
#[allow(dead_code, reason = "the example `forwarder` needs more of it")]
#[path = "../../examples/forwarder/slots.rs"]
mod slots;
mod traffic;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, USAGE};
use forwarder::Forwarder;
use report::Report;
use traffic::Traffic;

type Failure = Box<dyn Error>;

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
        Ok(report) => {
            drop(writeln!(io::stdout(), "{report}"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&format!("load: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String, Failure> {
    let forwarder = Forwarder::start(&arguments.command)?;
    if arguments.pin {
        processor::pin(forwarder.ready.tid, 0)?;
        processor::pin(0, 1)?;
    }
    let mut traffic = Traffic::new(&forwarder.ready, arguments)?;
    traffic.run(arguments.warm_up)?;
    traffic.forget();
    let spent = processor::spent(&forwarder.ready)?;
    traffic.run(arguments.span)?;
    let spent = processor::spent(&forwarder.ready)? - spent;
    traffic.run_out()?;
    let report = Report::new(&traffic, spent, forwarder.ready.copies);
    Ok(serde_json::to_string(&report)?)
}
