//! The program that is driven.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::Failure;

/// A running forwarder; it ends with this value.
pub(crate) struct Forwarder {
    child: Child,
    pub(crate) ready: Ready,
}

/// What it says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) producers: Vec<Producer>,
    pub(crate) ports: Vec<u16>,
    pub(crate) copies: u64,
}

/// What to send it.
#[derive(Debug, Deserialize)]
pub(crate) struct Producer {
    pub(crate) dest: SocketAddr,
    pub(crate) ssrc: u32,
    pub(crate) pt: u8,
    pub(crate) src: Option<u16>,
}

impl Forwarder {
    /// Starts it, and waits until it is ready.
    pub(crate) fn start(command: &[String]) -> Result<Self, Failure> {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("it has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let ready = serde_json::from_str(&line)
            .map_err(|error| format!("it said {line:?} and no line of JSON: {error}"))?;
        Ok(Self { child, ready })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        // It ends with its input; whether it did well shows elsewhere.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
