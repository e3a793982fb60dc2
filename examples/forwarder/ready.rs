//! The line that says that it is ready.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;

use crate::layout::{Layout, PAYLOAD_TYPE, ssrc};

/// What a load generator has to know.
#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    pid: u32,
    /// The thread that forwards.
    tid: u32,
    producers: Vec<Producer>,
    /// Where packets go, on 127.0.0.1.
    ports: Vec<u16>,
    /// How many receivers each packet has.
    copies: usize,
}

#[derive(Debug, Serialize)]
struct Producer {
    /// Where to send.
    dest: SocketAddr,
    ssrc: u32,
    pt: u8,
    /// The port to send from.
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<u16>,
}

impl Ready {
    /// What the calling thread forwards: `entrances` are where its senders send to.
    pub(crate) fn new(layout: &Layout, entrances: &[SocketAddr]) -> Self {
        let senders = layout.senders.iter().zip(entrances).enumerate();
        let producer = |(index, (sender, &dest)): (usize, (&crate::layout::Sender, _))| Producer {
            dest,
            ssrc: ssrc(index),
            pt: PAYLOAD_TYPE,
            src: sender.receiver.map(|one| layout.address(one).port()),
        };
        Self {
            pid: std::process::id(),
            tid: thread_id().unwrap_or_else(std::process::id),
            producers: senders.map(producer).collect(),
            ports: layout.ports().collect(),
            copies: layout.copies(),
        }
    }

    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(self)?)?;
        out.flush()
    }
}

/// The calling thread, as Linux numbers it.
fn thread_id() -> Option<u32> {
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}
