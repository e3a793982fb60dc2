//! What an engine tells its recording.

use std::io;
use std::time::Duration;

use flumen_components::event::RecordingFault;
use flumen_components::{Inbox, Time};
use flumen_protocol::dtls::Tapes;
use serde::Serialize;

use super::entry::{self, Drain};
use super::header::Header;
use super::outputs::Outputs;
use super::sink::{Pipe, Sink};
use crate::backend::{Bound, Outcome};
use crate::poison::Poison;
use crate::snapshot::{Snapshot, SnapshotError, StateDigest};

/// Collects entries in a buffer, and hands it to the writer at the end of a pass or a command: it
/// never waits. What it cannot hand over ends the recording.
pub(crate) struct Recorder {
    entries: Vec<u8>,
    /// Where the command begins that is being tried.
    attempt: Option<usize>,
    arguments: Vec<u8>,
    /// Where an entry ends that says the world was lent: one is enough between two others.
    lent: Option<usize>,
    now: i64,
    kernel_drops: u64,
    handed_over: Time,
    bytes: u64,
    /// What DTLS connections yield.
    tapes: Tapes,
    pipe: Option<Pipe>,
    fault: Option<RecordingFault>,
}

/// As many bytes make a frame.
const FRAME_BYTES: usize = 64 << 10;
/// Whatever there is leaves after as long, unless the writer is busy.
const FRAME_SPAN: Duration = Duration::from_secs(1);

impl Recorder {
    /// Begins a recording of an engine that was made with a header, and went on from a snapshot if
    /// there is one; also of what comes on `tapes`. `limit` bytes may wait for the disk.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn begin(
        to: Sink,
        (header, snapshot): (&Header, Option<&Snapshot>),
        tapes: Tapes,
        limit: usize,
    ) -> io::Result<Self> {
        let snapshot = snapshot.map(Snapshot::to_bytes).unwrap_or_default();
        let head = [serde_json::to_vec(header)?.into(), snapshot];
        Ok(Self {
            entries: Vec::with_capacity(2 * FRAME_BYTES),
            attempt: None,
            arguments: Vec::new(),
            lent: None,
            now: 0,
            kernel_drops: 0,
            handed_over: Time::ZERO,
            bytes: 0,
            tapes,
            pipe: Some(Pipe::open(to, head, limit)?),
            fault: None,
        })
    }

    /// Bytes of entries until now.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + self.entries.len() as u64
    }

    /// Why nothing is recorded any more.
    pub(crate) fn fault(&self) -> Option<&RecordingFault> {
        self.fault.as_ref()
    }

    pub(crate) fn advanced(&mut self, now: Time) {
        let now = now.as_nanos() as i64;
        entry::advanced(&mut self.entries, now.wrapping_sub(self.now));
        self.now = now;
    }

    pub(crate) fn began(&mut self, takes_in: bool) {
        entry::began(&mut self.entries, takes_in);
    }

    /// The datagrams of `inbox` have arrived, and connections have come and gone, from these numbers
    /// on.
    pub(crate) fn received(&mut self, inbox: &Inbox, first: (usize, usize), kernel_drops: u64) {
        let rows = &inbox.datagrams()[first.0..];
        let changes = &inbox.connections()[first.1..];
        if !(rows.is_empty() && changes.is_empty()) || kernel_drops != self.kernel_drops {
            self.kernel_drops = kernel_drops;
            let arrived = (rows, inbox.bytes(), changes);
            entry::received(&mut self.entries, arrived, kernel_drops);
        }
    }

    pub(crate) fn bound(&mut self, bound: Option<&Bound>) {
        entry::bound(&mut self.entries, bound);
    }

    pub(crate) fn flew(&mut self, outcomes: &[Outcome], has_all_left: bool) {
        entry::flew(&mut self.entries, outcomes, has_all_left);
    }

    /// A command is tried: what follows is part of it until [`concluded`](Self::concluded).
    pub(crate) fn attempted(&mut self, verb: &str, arguments: &impl Serialize, payload: &[u8]) {
        self.arguments.clear();
        if let Err(error) = serde_json::to_writer(&mut self.arguments, arguments) {
            self.fault = Some(RecordingFault::Failed(format!("{verb}: {error}")));
        }
        self.attempt = Some(self.entries.len());
        entry::commanded(&mut self.entries, verb, &self.arguments, payload);
    }

    /// A command was done, or changed nothing and is forgotten.
    pub(crate) fn concluded(&mut self, done: bool, outputs: &Outputs) {
        match (self.attempt.take(), done) {
            (Some(start), false) => {
                self.entries.truncate(start);
                self.tapes.take();
            }
            _ => self.ended(outputs),
        }
    }

    /// What all components are behind a pass, or why they cannot be told.
    pub(crate) fn digested(&mut self, states: Result<StateDigest, SnapshotError>) {
        match states {
            Ok(states) => entry::digested(&mut self.entries, &states),
            Err(error) => self.fault = Some(RecordingFault::Failed(error.to_string())),
        }
    }

    pub(crate) fn expired(&mut self) {
        entry::expired(&mut self.entries);
    }

    pub(crate) fn drained(&mut self, what: Drain, digest: u64) {
        entry::drained(&mut self.entries, what, digest);
    }

    pub(crate) fn touched(&mut self) {
        if self.lent != Some(self.entries.len()) {
            entry::touched(&mut self.entries);
            self.lent = Some(self.entries.len());
        }
    }

    /// A pass or a command has ended: what there is may leave.
    pub(crate) fn ended(&mut self, outputs: &Outputs) {
        self.taped();
        entry::ended(&mut self.entries, outputs);
        let now = Time::from_nanos(self.now as u64);
        if self.entries.len() >= FRAME_BYTES || self.has_waited(now) {
            self.handed_over = now;
            self.hand_over();
        }
    }

    fn has_waited(&self, now: Time) -> bool {
        let is_idle = |pipe: &Pipe| pipe.is_idle();
        now.since(self.handed_over) >= FRAME_SPAN && self.pipe.as_ref().is_some_and(is_idle)
    }

    fn taped(&mut self) {
        for (number, tape) in self.tapes.take() {
            if let Err(error) = entry::taped(&mut self.entries, number, &tape) {
                self.fault = Some(RecordingFault::Failed(error.to_string()));
            }
        }
    }

    pub(crate) fn failed(&mut self, poison: &Poison) {
        self.taped();
        entry::failed(&mut self.entries, &poison.system, &poison.message);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let (Some(pipe), None) = (&self.pipe, &self.fault) else {
            return;
        };
        self.bytes += self.entries.len() as u64;
        self.lent = None;
        if let Err(fault) = pipe.push(&mut self.entries) {
            self.fault = Some(fault);
        }
        self.entries.clear();
    }

    /// Ends the recording: how many bytes it has, and what kept it from being written within
    /// `patience`.
    pub(crate) fn finish(mut self, patience: Duration) -> (u64, Result<(), RecordingFault>) {
        self.hand_over();
        let closed = self.close(patience);
        (self.bytes, self.fault.take().map_or(closed, Err))
    }

    fn close(&mut self, patience: Duration) -> Result<(), RecordingFault> {
        self.tapes.end();
        let complete = self.fault.is_none();
        let pipe = self.pipe.take();
        pipe.map_or(Ok(()), |pipe| pipe.close(complete, patience))
    }
}

/// Writes the rest, and waits for nobody.
impl Drop for Recorder {
    fn drop(&mut self) {
        if self.pipe.is_some() {
            self.hand_over();
            // Nobody is there any more to be told.
            let _ = self.close(Duration::ZERO);
        }
    }
}
