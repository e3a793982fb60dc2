//! What came of it, for people and for programs.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flumen::{Counts, Discard, Event, Ledger, Withheld};
use serde::Serialize;

use crate::receiver::{Receiver, StreamReport};
use crate::running::Failure;
use crate::snapshot::{ProducerView, Snapshot};

/// The summary.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    ticks: u64,
    tick_microseconds: TickTimes,
    received: u64,
    forwarded: u64,
    discarded: Counts<Discard>,
    withheld: Counts<Withheld>,
    ledger: Ledger,
    producers: Vec<ProducerView>,
    receivers: Vec<ReceiverReport>,
    events: Vec<Event>,
    faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TickTimes {
    mean: f64,
    worst: f64,
}

/// What someone who consumes got in the end.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiverReport {
    /// What it is called.
    pub(crate) name: String,
    /// Media packets it received.
    pub(crate) packets: u64,
    /// Missing sequence numbers.
    pub(crate) gaps: u64,
    /// Media packets that are not in the recording, or not in order.
    pub(crate) wrong: u64,
    /// RTCP datagrams it received.
    pub(crate) reports: u64,
    /// Of each consumer.
    pub(crate) streams: Vec<StreamReport>,
}

impl Summary {
    /// Sums up. The ledger is the last one, after everything was closed.
    pub(crate) fn new(snapshot: &Snapshot, worst_tick: Duration, ledger: Ledger) -> Self {
        let microseconds = |span: Duration| (span.as_secs_f64() * 1e7).round() / 10.0;
        let mean = microseconds(snapshot.mean_tick());
        let worst = microseconds(worst_tick);
        Self {
            ticks: snapshot.ticks,
            tick_microseconds: TickTimes { mean, worst },
            received: ledger.received,
            forwarded: ledger.enqueued,
            discarded: ledger.discarded.clone(),
            withheld: ledger.withheld.clone(),
            ledger,
            producers: snapshot.producers.clone(),
            receivers: Vec::new(),
            events: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// With what the receivers got.
    pub(crate) fn receivers(self, receivers: Vec<ReceiverReport>) -> Self {
        Self { receivers, ..self }
    }

    /// With what happened, in order.
    pub(crate) fn events(self, events: Vec<Event>) -> Self {
        Self { events, ..self }
    }

    /// With what went wrong.
    pub(crate) fn faults(self, faults: Vec<String>) -> Self {
        Self { faults, ..self }
    }

    /// Nothing went wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// Prints itself as one JSON object.
    pub(crate) fn print_json(&self) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer_pretty(&mut stdout, self)?;
        writeln!(stdout)
    }
}

impl ReceiverReport {
    /// Waits until a receiver has taken in everything.
    pub(crate) fn new(name: &str, receiver: Receiver) -> Result<Self, Failure> {
        let tally = Arc::clone(&receiver.tally);
        let streams = receiver.finish()?;
        Ok(Self {
            name: name.into(),
            packets: tally.packets(),
            gaps: tally.gaps(),
            wrong: tally.wrong(),
            reports: tally.reports(),
            streams,
        })
    }
}
