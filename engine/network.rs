//! The backend, and who is told of what goes through it.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bevy_ecs::entity::EntityHashMap;
use bevy_ecs::world::World;
use flumen_components::event::RecordingFault;
use flumen_components::{Inbox, Now, SocketKey, TransportId};
use serde::Serialize;

use crate::backend::{Backend, BindRequest, Bound, Flight, Outcome, ReceiveLimits};
use crate::poison::Poison;
use crate::recording::{Drain, Outputs, Recorder, RecordingReport, Tally};
use crate::watch::{Known, Watch, Watches};

/// Where everything enters and leaves. With a recording, or in a replay, it takes note.
pub(crate) struct Network {
    pub(crate) backend: Box<dyn Backend>,
    outcomes: Vec<Outcome>,
    /// Nothing from here on is recorded without it.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) report: Option<RecordingReport>,
    /// What has left, if somebody wants to know.
    tally: Option<Tally>,
    /// How sockets were bound that were given a key, for snapshots.
    bound: BTreeMap<SocketKey, BindRequest>,
    /// Datagrams that the kernel has dropped, as far as that was told, and of these those of before the
    /// recording.
    dropped: u64,
    dropped_before: u64,
    /// Runs of neighbouring datagrams with one destination and one outcome, since the start.
    pub(crate) runs: u64,
    /// Who is told of each datagram.
    pub(crate) watches: Watches,
    /// The transports that are being closed, if somebody watches.
    pub(crate) closing: EntityHashMap<TransportId>,
}

impl Network {
    pub(crate) fn new(backend: Box<dyn Backend>) -> Self {
        Self {
            backend,
            outcomes: Vec::new(),
            recorder: None,
            report: None,
            tally: None,
            bound: BTreeMap::new(),
            dropped: 0,
            dropped_before: 0,
            runs: 0,
            watches: Watches::default(),
            closing: EntityHashMap::default(),
        }
    }

    /// Takes note of everything from here on; what it begins with lacks what was left out.
    pub(crate) fn record(&mut self, recorder: Recorder, left_out: Vec<String>) {
        self.report = Some(RecordingReport {
            left_out,
            ..RecordingReport::default()
        });
        self.dropped_before = self.dropped;
        self.recorder = Some(recorder);
        self.keep_tally();
    }

    /// Sums up what leaves.
    pub(crate) fn keep_tally(&mut self) {
        self.tally = Some(Tally::default());
    }

    /// What has left since the last call.
    pub(crate) fn outputs(&mut self) -> Outputs {
        self.tally.as_mut().map(Tally::take).unwrap_or_default()
    }

    /// Tells the recorder, if there is one.
    pub(crate) fn note(&mut self, tell: impl FnOnce(&mut Recorder)) {
        if let Some(recorder) = &mut self.recorder {
            tell(recorder);
        }
    }

    /// A command is tried.
    pub(crate) fn attempted(&mut self, verb: &str, arguments: &impl Serialize, payload: &[u8]) {
        self.note(|recorder| recorder.attempted(verb, arguments, payload));
    }

    /// A command was done, or changed nothing.
    pub(crate) fn concluded(&mut self, done: bool) {
        if let Some(recorder) = &mut self.recorder {
            let outputs = self.tally.as_mut().map(Tally::take).unwrap_or_default();
            recorder.concluded(done, &outputs);
        }
    }

    /// A pass has ended.
    pub(crate) fn ended(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            let outputs = self.tally.as_mut().map(Tally::take).unwrap_or_default();
            recorder.ended(&outputs);
        }
    }

    /// The engine does not go on.
    pub(crate) fn failed(&mut self, poison: &Poison) {
        self.note(|recorder| recorder.failed(poison));
    }

    /// Why the recording has just ended, if it has; it is gone then.
    pub(crate) fn fault(&mut self) -> Option<RecordingFault> {
        let report = self.report.as_mut()?;
        let Some(recorder) = &self.recorder else {
            report.ticks_missed += u64::from(report.stopped.is_some());
            return None;
        };
        report.bytes = recorder.bytes();
        let fault = recorder.fault()?.clone();
        report.stopped = Some(fault.clone());
        self.recorder = None;
        self.tally = None;
        Some(fault)
    }

    /// The application collects what has this digest, if there is anything.
    pub(crate) fn drained(&mut self, what: Drain, digest: impl FnOnce() -> Option<u64>) {
        if let Some(recorder) = &mut self.recorder
            && let Some(digest) = digest()
        {
            recorder.drained(what, digest);
        }
    }

    /// Binds a socket: see [`Backend::bind`].
    pub(crate) fn bind(&mut self, key: SocketKey, request: &BindRequest) -> io::Result<Bound> {
        let bound = self.backend.bind(key, request);
        // Any other error ends the command, which then is not in the recording.
        self.note(|recorder| recorder.bound(bound.as_ref().ok()));
        if let Ok(Bound { local, .. }) = bound {
            let request = BindRequest {
                address: local,
                ..request.clone()
            };
            self.bound.insert(key, request);
        }
        bound
    }

    /// How each socket was bound, and where it is; closed ones may be among them.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (SocketKey, BindRequest)> {
        self.bound
            .iter()
            .map(|(key, request)| (*key, request.clone()))
    }

    /// Takes in what has arrived: whether there is more.
    pub(crate) fn receive(&mut self, inbox: &mut Inbox, limits: &ReceiveLimits) -> bool {
        let first = (inbox.datagrams().len(), inbox.connections().len());
        let more = self.backend.receive(inbox, limits);
        if let Some(recorder) = &mut self.recorder {
            let dropped = self.backend.kernel_drops();
            recorder.received(inbox, first, dropped.saturating_sub(self.dropped_before));
        }
        self.watches.each(|watch| watch.arrive(inbox));
        more
    }

    /// How many datagrams the kernel has dropped since the last call.
    pub(crate) fn newly_dropped(&mut self) -> u64 {
        let dropped = self.backend.kernel_drops();
        dropped.saturating_sub(std::mem::replace(&mut self.dropped, dropped))
    }

    /// Tells who watches of something.
    pub(crate) fn show(&mut self, world: &World, tell: impl Fn(&mut Watch, Known<'_>)) {
        let known = Known {
            world,
            bound: &self.bound,
            closing: &self.closing,
        };
        self.watches.each(|watch| tell(watch, known));
    }

    /// Sends a flight: what became of each of its datagrams.
    pub(crate) fn send(&mut self, flight: &Flight<'_>, world: &World) -> &[Outcome] {
        self.outcomes.clear();
        self.backend.send(flight, &mut self.outcomes);
        assert_eq!(
            self.outcomes.len(),
            flight.len(),
            "a backend tells one outcome a datagram"
        );
        let tally = self.tally.as_mut();
        let has_all_left = tally.is_some_and(|tally| {
            let now = world.resource::<Now>().time;
            tally.add(flight, &self.outcomes, now)
        });
        let outcomes = std::mem::take(&mut self.outcomes);
        self.show(world, |watch, known| {
            watch.tell_sent(known, flight, &outcomes);
        });
        self.outcomes = outcomes;
        if let Some(recorder) = &mut self.recorder {
            recorder.flew(&self.outcomes, has_all_left);
        }
        &self.outcomes
    }

    /// Ends the recording, if there is one: what kept it from being written within `patience`.
    pub(crate) fn finish_recording(
        &mut self,
        patience: Duration,
    ) -> Option<Result<(), RecordingFault>> {
        let (bytes, finished) = self.recorder.take()?.finish(patience);
        self.tally = None;
        if let Some(report) = &mut self.report {
            (report.bytes, report.stopped) = (bytes, finished.as_ref().err().cloned());
        }
        Some(finished)
    }
}
