//! How long each stage takes: measured outside the world, so that it cannot steer it.

use std::time::Duration;

use flumen_components::Time;
use flumen_systems::Stage;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::clock::Clock;

/// The time that each stage took.
#[derive(Clone, Debug)]
pub struct StageTimes {
    clock: Clock,
    lap: Time,
    last: [Duration; STAGES],
    total: [Duration; STAGES],
}

const STAGES: usize = Stage::IN_ORDER.len();

impl StageTimes {
    /// In the last tick.
    pub fn last(&self, stage: Stage) -> Duration {
        self.last[stage as usize]
    }

    /// In all ticks together.
    pub fn total(&self, stage: Stage) -> Duration {
        self.total[stage as usize]
    }

    /// Of all stages in the last tick.
    pub fn last_tick(&self) -> Duration {
        self.last.iter().sum()
    }

    /// Of all stages in all ticks together.
    pub fn all_ticks(&self) -> Duration {
        self.total.iter().sum()
    }

    pub(crate) fn begin(&mut self) {
        self.lap = self.clock.now();
    }

    pub(crate) fn end(&mut self, stage: Stage) {
        let now = self.clock.now();
        let span = now.since(self.lap);
        self.last[stage as usize] = span;
        self.total[stage as usize] += span;
        self.lap = now;
    }
}

/// `{"Ingest": {"last": 1.5, "total": 20.25}, ...}`: microseconds in the last tick and in all.
impl Serialize for StageTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(STAGES))?;
        for stage in Stage::IN_ORDER {
            let row = Row {
                last: micros(self.last(stage)),
                total: micros(self.total(stage)),
            };
            map.serialize_entry(&stage.to_string(), &row)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Row {
    last: f64,
    total: f64,
}

fn micros(span: Duration) -> f64 {
    span.as_nanos() as f64 / 1_000.0
}

impl Default for StageTimes {
    fn default() -> Self {
        let zero = [Duration::ZERO; STAGES];
        Self {
            clock: Clock::start(),
            lap: Time::ZERO,
            last: zero,
            total: zero,
        }
    }
}
