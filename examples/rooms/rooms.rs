//! A server with a web page: rooms where browsers, OBS, ffmpeg and others send and receive.
//!
//! HTTP serves the page, WHIP (RFC 9725) for who sends, WHEP for who receives, a JSON interface
//! shaped for mediasoup-client, and news as server-sent events; media goes through one port.
//!
//! There are no accounts: who knows an identifier, and the news of a room tell them all, may do with
//! what it names whatever the JSON interface offers. Sessions of WHIP and WHEP have secret keys. Put
//! your own authority before `rpc.rs` when you copy it.
//!
//! `house.rs` is what an application keeps beside the engine, `rpc.rs` and `sessions.rs` are what it
//! asks of the engine; the rest is HTTP.

mod arguments;
mod body;
mod codecs;
mod failure;
mod house;
mod http;
mod limits;
mod media;
mod news;
mod room;
mod rpc;
mod serve;
mod sessions;
#[cfg(test)]
mod tests;
mod tls;
mod whip;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{Arguments, USAGE};

fn main() -> ExitCode {
    // Nothing is left to be done when standard error or output is gone.
    let complain = |text: &str| drop(writeln!(io::stderr(), "{text}"));
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
    if arguments.is_mute() {
        complain(
            "rooms: others can see the page, but media is for this machine alone; see --media",
        );
    }
    match serve::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("rooms: {failure}"));
            ExitCode::FAILURE
        }
    }
}
