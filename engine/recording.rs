//! The inputs of a run, written to a file: all that a replay needs.
//!
//! A file is a magic word, a version and frames, each with its number and its checksum. The first
//! frame says what the engine was made with; the second one is the snapshot that the recording begins
//! with, and empty where it begins with the engine; the others hold entries, in the order in which
//! things happened. What outlives the run is in here, keys too: a file is its owner's alone to read.

mod begin;
mod bytes;
mod entry;
mod frame;
mod header;
mod outputs;
mod reader;
mod recorder;
mod sink;

use std::time::Duration;

use bevy_ecs::entity::Entity;
use flumen_components::Subject;
use flumen_components::event::{RecordingFault, RecordingStopped, emit};

use crate::engine::Engine;

pub(crate) use begin::Record;
pub use begin::RecordError;
pub(crate) use entry::{Arrivals, Command, Drain, Entry};
pub(crate) use header::{Header, Settings};
pub use outputs::Outputs;
pub(crate) use outputs::Tally;
pub use reader::{Recording, RecordingError};
pub(crate) use recorder::Recorder;
pub(crate) use sink::create;

/// How a recording goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordingReport {
    /// Bytes of entries until now, on disk or on their way.
    pub bytes: u64,
    /// Why it ended before the engine did or it was asked to, or why the end of it is missing, if so.
    pub stopped: Option<RecordingFault>,
    /// Ticks since then, which are not in the file.
    pub ticks_missed: u64,
    /// What the world had when the recording began, and the file has not: see
    /// [`Snapshot::left_out`](crate::Snapshot::left_out). Empty when it began with the engine.
    pub left_out: Vec<String>,
}

/// Recording.
impl Engine {
    /// How the recording goes that [`Builder::record`](crate::Builder::record) or
    /// [`record`](Self::record) began last; none when there never was one.
    pub fn recording(&self) -> Option<&RecordingReport> {
        self.network.report.as_ref()
    }

    /// Ends the recording, and waits for at most `patience` until all of it is written. False when
    /// it was not by then, or could not be, which [`recordingstopped`](RecordingStopped) tells, too.
    /// Shutting down does this; dropping an engine writes the rest without waiting for it.
    pub fn finish_recording(&mut self, patience: Duration) -> bool {
        match self.network.finish_recording(patience) {
            Some(Err(reason)) => {
                self.tell_stopped(reason);
                false
            }
            finished => finished.is_some(),
        }
    }

    /// Tells that the recording has stopped, if it just has; the run goes on.
    pub(crate) fn tell_recording(&mut self) {
        if let Some(reason) = self.network.fault() {
            self.tell_stopped(reason);
        }
    }

    fn tell_stopped(&mut self, reason: RecordingFault) {
        let stopped = RecordingStopped {
            about: Entity::PLACEHOLDER,
            subject: Subject::Engine,
            reason,
        };
        emit(&mut self.world, stopped);
    }
}
