//! An SCTP association on a UDP socket, without an engine, for `interop/run`.
//!
//! ```text
//! interop-sctp [--webrtc] connect|listen LOCAL_PORT REMOTE_PORT STEP...
//! ```
//!
//! It does what `sctp_peer.c` does, step by step and message by message, so that either can be the
//! other end of either; that file tells what the steps are and what is printed. With `--webrtc`
//! the association is one of `webrtc-sctp`, if that feature is built in.
#![expect(
    clippy::print_stdout,
    reason = "standard output is the interface of this program"
)]

mod messages;
mod steps;
mod talk;

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use flumen::sctp::{Association, Config, Epoch};

use steps::Step;
use talk::Talk;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_webrtc = arguments.first().is_some_and(|first| first == "--webrtc");
    arguments.drain(..usize::from(is_webrtc));
    let [role, local, remote, steps @ ..] = &arguments[..] else {
        return Err("a role and two ports are needed".into());
    };
    let steps = steps.iter().map(|step| Step::parse(step));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, local.parse()?))?;
    socket.connect((Ipv4Addr::LOCALHOST, remote.parse()?))?;
    let started = now();
    let association = associate(is_webrtc, Epoch::new(started))?;
    let mut talk = Talk::new(socket, association, started, steps);
    println!("{{\"ready\": true}}");
    let is_over = watch_input();
    talk.go_on(role == "connect", &is_over)?;
    println!("{}", talk.result());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an application has a clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(feature = "webrtc-sctp")]
fn associate(is_webrtc: bool, epoch: Epoch) -> Result<Association, Box<dyn Error>> {
    Ok(match is_webrtc {
        true => Association::webrtc(Config::default(), epoch),
        false => Association::new(Config::default(), epoch),
    })
}

#[cfg(not(feature = "webrtc-sctp"))]
fn associate(is_webrtc: bool, epoch: Epoch) -> Result<Association, Box<dyn Error>> {
    match is_webrtc {
        true => Err("webrtc-sctp is not built in".into()),
        false => Ok(Association::new(Config::default(), epoch)),
    }
}

/// True once standard input has ended.
#[expect(clippy::disallowed_methods, reason = "an application has threads")]
fn watch_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    std::thread::spawn(move || {
        // What is read does not matter, nor why it ends.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        flag.store(true, Ordering::Release);
    });
    ended
}
