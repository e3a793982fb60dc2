//! Recordings and replays: what they want of a builder.

use std::io::{self, Write};
use std::path::PathBuf;

use flumen_components::Taping;
use flumen_protocol::dtls::Tapes;

use super::Builder;
use crate::recording::{self, Header, Recorder, Settings, Sink};

/// Where a recording is wanted.
pub(super) enum Record {
    File(PathBuf),
    Sink(Sink),
}

/// Recording.
impl Builder {
    /// Records all inputs of the run to a file at `path`, from the start: see
    /// [`Replay`](crate::Replay). What was there is replaced. **The file holds secrets**, among them
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

impl Record {
    /// Begins to record.
    pub(super) fn begin(self, header: &Header, tapes: Tapes) -> io::Result<Recorder> {
        let sink = match self {
            Self::File(path) => Box::new(recording::create(&path)?),
            Self::Sink(sink) => sink,
        };
        let limit = header.settings.limits.recording_buffer_bytes;
        Recorder::begin(sink, header, tapes, limit)
    }
}
