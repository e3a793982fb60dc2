//! What each stage does, and for how long: measured outside the world, so that it cannot steer it.

use std::time::Duration;

use flumen_components::{Ledger, Time};
use flumen_systems::Stage;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::tick_times::TickTimes;
use crate::clock::Clock;

/// What the stages did, in the last tick and in all. Of an engine that goes on from a snapshot, rows are
/// those since the first start, as in its ledger; times and runs are those since it goes on.
#[derive(Clone, Debug)]
pub struct Work {
    clock: Clock,
    lap: Time,
    /// The stage does something.
    is_busy: bool,
    last: [StageWork; STAGES],
    total: [StageWork; STAGES],
    tick_times: TickTimes,
}

/// What one stage did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageWork {
    /// The time it took: none where nothing was to be done. Finding that out counts for the next stage
    /// that did something, and not at all behind the last one.
    pub time: Duration,
    /// What it handled: datagrams that came (Ingest), all that were to be claimed, which is those,
    /// what was inside others and what systems added (Demux), packets that a stream took (Receive),
    /// these times the consumers of their producer (Forward), datagrams that nobody offered
    /// (Feedback), all that were to leave (Protect), and those that left (Flush). Score and Emit
    /// handle no rows.
    pub rows: u64,
    /// Runs of neighbouring datagrams with one destination and one outcome, which may leave as one
    /// (Flush); no other stage has any.
    pub runs: u64,
}

const STAGES: usize = Stage::IN_ORDER.len();

impl Work {
    /// In the last tick. Rows are those since the end of the tick before.
    pub fn last(&self, stage: Stage) -> StageWork {
        self.last[stage as usize]
    }

    /// In all ticks together.
    pub fn total(&self, stage: Stage) -> StageWork {
        self.total[stage as usize]
    }

    /// The time of all stages in the last tick.
    pub fn last_tick(&self) -> Duration {
        self.last.iter().map(|work| work.time).sum()
    }

    /// The time of all stages in all ticks together.
    pub fn all_ticks(&self) -> Duration {
        self.total.iter().map(|work| work.time).sum()
    }

    /// How long ticks took: how many each span.
    pub fn tick_times(&self) -> &TickTimes {
        &self.tick_times
    }

    /// What was handled before is in the ledger of who goes on.
    pub(crate) fn resume(&mut self, ledger: &Ledger) {
        for (stage, rows) in rows(ledger) {
            self.total[stage as usize].rows = rows;
        }
    }

    pub(crate) fn begin(&mut self) {
        self.lap = self.clock.now();
    }

    /// The stage does something.
    pub(crate) fn note(&mut self) {
        self.is_busy = true;
    }

    /// The stage has ended. Clocks are not read for nothing: there are nine of them a tick.
    pub(crate) fn end(&mut self, stage: Stage) {
        if !std::mem::take(&mut self.is_busy) {
            self.last[stage as usize].time = Duration::ZERO;
            return;
        }
        let now = self.clock.now();
        let span = now.since(self.lap);
        self.last[stage as usize].time = span;
        self.total[stage as usize].time += span;
        self.lap = now;
    }

    /// The tick has ended, with this many rows and runs of Flush since the start.
    pub(crate) fn end_tick(&mut self, ledger: &Ledger, runs: u64) {
        for (stage, rows) in rows(ledger) {
            let (last, total) = (
                &mut self.last[stage as usize],
                &mut self.total[stage as usize],
            );
            last.rows = rows.saturating_sub(total.rows);
            total.rows = rows;
        }
        let flush = Stage::Flush as usize;
        self.last[flush].runs = runs - self.total[flush].runs;
        self.total[flush].runs = runs;
        let took = self.last_tick();
        self.tick_times.add(took);
    }
}

/// What stages have handled since the start.
fn rows(ledger: &Ledger) -> [(Stage, u64); 7] {
    [
        (Stage::Ingest, ledger.received),
        (
            Stage::Demux,
            ledger.received + ledger.injected + ledger.unwrapped,
        ),
        (Stage::Receive, ledger.accepted),
        (Stage::Forward, ledger.offered),
        (Stage::Feedback, ledger.generated),
        (Stage::Protect, ledger.enqueued + ledger.generated),
        (Stage::Flush, ledger.sent),
    ]
}

/// `{"Ingest": {"last": {"time": 1.5, "rows": 2}, "total": {...}}, ...}`: time in microseconds; runs
/// where there are some.
impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Both {
            last: StageWork,
            total: StageWork,
        }
        let mut map = serializer.serialize_map(Some(STAGES))?;
        for stage in Stage::IN_ORDER {
            let (last, total) = (self.last(stage), self.total(stage));
            map.serialize_entry(&stage.to_string(), &Both { last, total })?;
        }
        map.end()
    }
}

impl Serialize for StageWork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &(self.time.as_nanos() as f64 / 1_000.0))?;
        for (name, count) in [("rows", self.rows), ("runs", self.runs)] {
            if count > 0 {
                map.serialize_entry(name, &count)?;
            }
        }
        map.end()
    }
}

impl Default for Work {
    fn default() -> Self {
        Self {
            clock: Clock::start(),
            lap: Time::ZERO,
            is_busy: false,
            last: [StageWork::default(); STAGES],
            total: [StageWork::default(); STAGES],
            tick_times: TickTimes::default(),
        }
    }
}
