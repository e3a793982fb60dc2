//! Recordings and replays: what they want of a builder.

use std::io::Write;
use std::path::PathBuf;

use flumen_components::Taping;
use flumen_protocol::dtls::Tapes;

use super::Builder;
use crate::recording::{Record, Settings};

/// Recording.
impl Builder {
    /// Records all inputs of the run to a file at `path`, from the start, or from the snapshot that
    /// is [restored](Self::restore): see [`Replay`](crate::Replay). [`Engine::record`](crate::Engine::record) begins later.
    /// What was there is replaced. **The file holds secrets**, among them
    /// the seed that all keys are drawn from; on Unix its owner alone may read it.
    ///
    /// A tick never waits for the disk: when more than
    /// [`recording_buffer_bytes`](Self::recording_buffer_bytes) wait for it, or it is full, the
    /// recording ends with a [`RecordingStopped`](crate::event::RecordingStopped) event, and the run
    /// goes on.
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(Record::File(path.into()));
        self
    }

    /// Does the same to anything that can be written to, on a thread of its own.
    #[must_use]
    pub fn record_to(mut self, to: impl Write + Send + 'static) -> Self {
        self.record = Some(Record::Sink(Box::new(to)));
        self
    }

    /// Ticks from one hash of all components in a recording to the next, by which a replay names the
    /// first component that differs, and whose it is: see
    /// [`state_digest`](crate::Engine::state_digest). Each takes as long as a snapshot, in the tick.
    /// Default 0: none.
    #[must_use]
    pub fn state_digest_ticks(mut self, ticks: u64) -> Self {
        self.state_digest_ticks = ticks;
        self
    }

    /// For a replay, which is recorded already: DTLS connections play what is on `tapes`.
    pub(crate) fn replaying(mut self, tapes: Tapes) -> Self {
        self.record = None;
        self.taping = Taping::Playing(tapes);
        self
    }

    /// What must be the same for a run to be the same.
    pub(crate) fn settings(&self) -> Settings {
        let plugins = self.plugins.iter().map(|(name, _)| name.to_string());
        Settings {
            limits: self.limits.clone(),
            liveness_timeout: self.liveness_timeout,
            key_frame_retry: self.key_frame_retry,
            port_range: self.port_range,
            sctp_stack: self.sctp_stack,
            dtls: self.dtls.clone(),
            own_estimator: self.own_estimator,
            pipeline: self.built_in,
            plugins: plugins.collect(),
        }
    }

    /// One that has all but plugins and an estimator of bandwidth as `settings` say.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self::new().with(settings)
    }
}
