//! A recording begins: with its engine, or in the middle of a run.

use std::io::{self, Write};
use std::path::PathBuf;

use flumen_components::{
    Created, DtlsConnection, DtlsSettings, DtlsState, EventLog, Limits, NtpEpoch, OutgoingEstimate,
    SctpAssociation, SctpState, Seed, Sockets, Taping,
};
use flumen_protocol::dtls::Tapes;
use thiserror::Error;

use super::header::Header;
use super::recorder::Recorder;
use super::sink::{Sink, create};
use crate::engine::{Engine, TickError};
use crate::snapshot::{Snapshot, SnapshotError};

/// Where a recording is wanted.
pub(crate) enum Record {
    File(PathBuf),
    Sink(Sink),
}

/// No recording can begin in the middle of a run; the run goes on without.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is one.
    #[error("the run is being recorded already")]
    UnderWay,
    /// There is something that snapshots do not keep whole, so that a replay would go another way:
    /// the association of a transport, a handshake of DTLS, a connection of TCP, or an estimator of
    /// bandwidth that is not saved. It may be over soon.
    #[error("{0} cannot be in the snapshot that a recording begins with")]
    NotKept(&'static str),
    /// No snapshot can be taken.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// No recording can be written.
    #[error("cannot record: {0}")]
    Write(#[from] io::Error),
}

/// Recording.
impl Engine {
    /// Records all inputs of the run from here on to a file at `path`, as
    /// [`Builder::record`](crate::Builder::record) does from the start: it begins with a
    /// [snapshot](Self::snapshot), from which a replay goes on. Another one can begin when it has
    /// ended.
    ///
    /// What of the application's own is not in the snapshot is told by
    /// [`recording`](Self::recording). A replay has it as plugins made it, as it has their resources.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn record(&mut self, path: impl Into<PathBuf>) -> Result<(), RecordError> {
        self.record_here(Record::File(path.into()))
    }

    /// Does the same to anything that can be written to, on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn record_to(&mut self, to: impl Write + Send + 'static) -> Result<(), RecordError> {
        self.record_here(Record::Sink(Box::new(to)))
    }

    fn record_here(&mut self, record: Record) -> Result<(), RecordError> {
        if self.network.recorder.is_some() {
            return Err(RecordError::UnderWay);
        }
        if !self.settings.sctp_stack.repeats_itself() {
            return Err(RecordError::NotKept("what webrtc-sctp draws at random"));
        }
        self.show_events().map_err(SnapshotError::from)?;
        let snapshot = self.snapshot()?;
        self.check_kept()?;
        self.begin_recording(record, Some(&snapshot))?;
        self.set_events_aside();
        Ok(())
    }

    /// Systems see what has happened since the last tick: no event is in a snapshot. On the machine's
    /// clock that one is taken behind another tick anyway.
    fn show_events(&mut self) -> Result<(), TickError> {
        self.check_poison()?;
        match self.on_the_clock {
            true => Ok(()),
            false => self.pass(false),
        }
    }

    /// Events are in no snapshot: a replay of what follows is told nothing of those that were not drained
    /// yet. The oldest are dropped where nobody ever drains them.
    fn set_events_aside(&mut self) {
        let most = self.world.resource::<Limits>().events;
        let mut log = self.world.resource_mut::<EventLog>();
        self.told_before.extend(log.drain());
        let excess = self.told_before.len().saturating_sub(most);
        self.told_before.drain(..excess);
        log.dropped += excess as u64;
    }

    /// Nothing is there that would come back from a snapshot otherwise than it is.
    fn check_kept(&mut self) -> Result<(), RecordError> {
        let world = &mut self.world;
        let refused = |what| Err(RecordError::NotKept(what));
        if !world.resource::<Sockets>().connections().is_empty() {
            return refused("a connection of TCP");
        }
        let mut associations = world.query::<&SctpAssociation>();
        // One that has answered has drawn its numbers, though nobody may ever go on with them.
        let is_live = |association: &SctpAssociation| {
            let is_over = matches!(association.state(), SctpState::Closed | SctpState::Failed);
            association.has_begun() && !is_over
        };
        if associations.iter(world).any(is_live) {
            return refused("an SCTP association");
        }
        let mut connections = world.query::<&DtlsConnection>();
        let shakes_hands = |connection: &DtlsConnection| {
            connection.state() == DtlsState::Connecting || connection.next_timeout().is_some()
        };
        if connections.iter(world).any(shakes_hands) {
            return refused("a handshake of DTLS");
        }
        let mut estimates = world.query::<&OutgoingEstimate>();
        if !estimates.iter(world).all(OutgoingEstimate::is_kept) {
            return refused("an estimator that is not saved");
        }
        Ok(())
    }

    /// Begins a recording, with a snapshot unless the engine begins, too.
    pub(crate) fn begin_recording(
        &mut self,
        record: Record,
        snapshot: Option<&Snapshot>,
    ) -> io::Result<()> {
        let sink = match record {
            Record::File(path) => Box::new(create(&path)?),
            Record::Sink(sink) => sink,
        };
        let header = self.header();
        let tapes = Tapes::default();
        let limit = header.settings.limits.recording_buffer_bytes;
        let recorder = Recorder::begin(sink, (&header, snapshot), tapes.clone(), limit)?;
        self.tape(tapes);
        let left_out = snapshot.map_or(&[][..], Snapshot::left_out);
        self.network.record(recorder, left_out.to_vec());
        Ok(())
    }

    /// What it was made with.
    pub(crate) fn header(&self) -> Header {
        let world = &self.world;
        let identity = &world.resource::<DtlsSettings>().identity;
        let seed = world.resource::<Seed>().0;
        let epoch = *world.resource::<NtpEpoch>();
        Header::new(seed, epoch, identity, self.settings.clone())
    }

    /// Has what DTLS connections yield recorded, that of those that are there as well.
    fn tape(&mut self, tapes: Tapes) {
        let mut connections = self.world.query::<(&Created, &mut DtlsConnection)>();
        for (created, mut connection) in connections.iter_mut(&mut self.world) {
            connection.record_to(created.0, tapes.clone());
        }
        let mut settings = self.world.resource_mut::<DtlsSettings>();
        settings.taping = Taping::Recording(tapes);
    }
}
