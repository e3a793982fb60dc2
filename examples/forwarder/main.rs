//! Forwards RTP until standard input closes, for a profiler to look at and a load generator to drive.
//!
//! One line of JSON tells where to send what, and where it goes. `--bare` has a loop of system calls
//! do the same over the same sockets, without a world: what the machine itself costs.

mod arguments;
#[cfg(target_os = "linux")]
mod bare;
mod layout;
#[cfg(target_os = "linux")]
mod messages;
#[cfg(target_os = "linux")]
mod packet;
mod ready;
mod routed;
#[cfg(target_os = "linux")]
mod slots;

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use flumen::Engine;

use arguments::{Arguments, USAGE};
use layout::Way;
use ready::Ready;

type Failure = Box<dyn Error + Send + Sync>;

/// Length of the header that the engine sends here: the fixed one, MID and abs-send-time.
#[cfg(target_os = "linux")]
const HEADER_LEN: usize = 12 + 4 + 8;

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
    let ran = match arguments.bare {
        None => run_engine(&arguments),
        Some(way) => run_bare(&arguments, way),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("forwarder: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// The engine on a thread of its own, as its users are told to have it.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine starts no thread: an application does"
)]
fn run_engine(arguments: &Arguments) -> Result<(), Failure> {
    let layout = &arguments.layout;
    let builder = match arguments.gather {
        None => Engine::builder(),
        Some(span) => Engine::builder().gather(span),
    };
    let own_ports = layout.own_ports();
    let mut engine = builder
        .port_range(*own_ports.start(), *own_ports.end())
        .threads(arguments.threads.into())
        .build()?;
    let entrances = routed::open(&mut engine, layout, arguments.sockets)?;
    let handle = engine.handle();
    let layout = layout.clone();
    let running = thread::spawn(move || -> Result<(), Failure> {
        Ready::new(&layout, &entrances).print()?;
        engine.run()?;
        Ok(())
    });
    let asked = wait_for_the_end();
    // Who has failed already cannot be asked, and says why.
    let _ = handle.shutdown(Duration::ZERO);
    running.join().map_err(|_| "its thread panicked")??;
    Ok(asked?)
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::disallowed_methods,
    reason = "std can only wait for input on a thread of its own"
)]
fn run_bare(arguments: &Arguments, way: Way) -> Result<(), Failure> {
    let layout = arguments.layout.clone();
    let mut bare = bare::Bare::open(&layout, arguments.sockets, way, HEADER_LEN)?;
    let gather = arguments.gather.unwrap_or_default();
    let forwarding = thread::spawn(move || -> Result<(), Failure> {
        Ready::new(&layout, bare.entrances()).print()?;
        // It forwards until the program ends.
        thread::spawn(|| {
            let ended = wait_for_the_end();
            std::process::exit(i32::from(ended.is_err()));
        });
        Ok(bare.run(gather)?)
    });
    forwarding.join().map_err(|_| "its thread panicked")?
}

#[cfg(not(target_os = "linux"))]
fn run_bare(_: &Arguments, _: Way) -> Result<(), Failure> {
    Err("--bare needs Linux".into())
}

/// Returns when standard input has closed.
fn wait_for_the_end() -> io::Result<()> {
    let mut ignored = [0; 256];
    while io::stdin().read(&mut ignored)? > 0 {}
    Ok(())
}
