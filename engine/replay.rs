//! A recorded run, run again.

mod difference;
mod playback;

pub use difference::{Difference, Divergence, ReplayError};

use std::time::{Duration, SystemTime};

use flumen_components::event;
use flumen_components::wire::ntp;
use flumen_components::{Deliveries, MessageDeliveries, Time};
use flumen_protocol::dtls::{Identity, Tapes};

use self::playback::{Playback, Script};
use crate::builder::Builder;
use crate::collected;
use crate::commands;
use crate::engine::{Engine, TickError};
use crate::recording::{
    Command, Drain, Entry, Header, Outputs, Recording, RecordingError, Settings,
};
use crate::snapshot::{Snapshot, StateDigest};
use crate::watch::{Passage, View, Watching};

/// A recorded run that is run again, tick by tick: the same systems get the same inputs, and what
/// they put out is compared.
///
/// ```no_run
/// use flumen::{Recording, Replay};
///
/// let recording = Recording::open("call.flumen")?;
/// let builder = recording.builder(); // with the plugins of the run, if it had any
/// let mut replay = Replay::new(recording, builder)?;
/// while let Some(tick) = replay.step()? {
///     println!("tick {} at {:?}: {}", tick.number, tick.at, tick.outputs);
/// }
/// # Ok::<(), flumen::ReplayError>(())
/// ```
///
/// What an application did with [`Engine::world_mut`] between ticks is not recorded, nor are the
/// values of `AppData`: systems that read either see them as they were made by plugins.
pub struct Replay {
    engine: Engine,
    recording: Recording,
    playback: Playback,
    tapes: Tapes,
    now: i64,
    /// The tick behind which the application was lent the world for the first time.
    lent: Option<u64>,
    is_complete: Option<bool>,
}

/// A tick that was run again, and was the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its number, from 1; what [`Engine::ticks`] said behind it.
    pub number: u64,
    /// Its time.
    pub at: Time,
    /// What left.
    pub outputs: Outputs,
}

/// How a pass or a command ended.
enum Ending {
    Done(Outputs),
    Failed { system: String, message: String },
}

impl Recording {
    /// When the engine was built, as the clock of its machine had it.
    pub fn begun(&self) -> SystemTime {
        let nanos = ntp::to_unix_nanos(self.header.ntp_epoch);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
    }

    /// A builder with every limit and option of the run, without its plugins and without its
    /// estimator of bandwidth.
    pub fn builder(&self) -> Builder {
        Builder::of(&self.header.settings)
    }
}

impl Replay {
    /// Begins to replay with an engine of `builder`: that of [`Recording::builder`], or the
    /// application's own. Its seed, its certificate and its backend are those of the recording, and
    /// so is the snapshot that it goes on from, if there is one.
    ///
    /// # Errors
    ///
    /// What of the builder is otherwise than it was, by name; or that it cannot be built, or cannot
    /// go on from the snapshot.
    pub fn new(recording: Recording, builder: Builder) -> Result<Self, ReplayError> {
        let header = &recording.header;
        check(&header.settings, &builder.settings())?;
        let (backend, playback) = playback::new();
        let tapes = Tapes::default();
        let builder = builder.backend(backend).replaying(tapes.clone());
        let mut engine = match &recording.snapshot {
            None => make(header, builder)?,
            Some(snapshot) => builder.restore(&Snapshot::from_bytes(snapshot)?)?,
        };
        engine.network.keep_tally();
        Ok(Self {
            engine,
            recording,
            playback,
            tapes,
            now: 0,
            lent: None,
            is_complete: None,
        })
    }

    /// Goes on to the end of the next tick, with what the application did before it; nothing at
    /// the end of the recording.
    ///
    /// # Errors
    ///
    /// The first [`Difference`]; that the recording cannot be read; or that the run ended in a
    /// failure, then as now. There is no next tick then.
    pub fn step(&mut self) -> Result<Option<Tick>, ReplayError> {
        while self.is_complete.is_none() {
            let entry = self.recording.take()?;
            if let Some(tick) = self.follow(entry)? {
                return Ok(Some(tick));
            }
        }
        Ok(None)
    }

    /// The engine as it is behind the last tick: to be looked at, and not to be changed.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Tells `watcher` of every datagram that came and left from here on: see [`Engine::watch`]. The
    /// example `replay` writes them down for analysers of networks.
    pub fn watch(
        &mut self,
        view: View,
        watcher: impl FnMut(Passage<'_>) + Send + 'static,
    ) -> Watching {
        self.engine.watch(view, watcher)
    }

    /// Bytes of the recording that were read, and those of its file where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.recording.progress()
    }

    /// Whether the recording ended with its engine: not before the end was reached, and not when it
    /// had to stop before.
    pub fn is_complete(&self) -> bool {
        self.is_complete == Some(true)
    }

    /// The tick behind which the application was first lent the world
    /// ([`Engine::world_mut`]), if ever: what it did there is not in the recording.
    pub fn world_lent_behind(&self) -> Option<u64> {
        self.lent
    }

    fn follow(&mut self, entry: Entry) -> Result<Option<Tick>, ReplayError> {
        match entry {
            Entry::Advanced(by) => {
                self.now = self.now.wrapping_add(by);
                self.engine.advance(Time::from_nanos(self.now as u64));
            }
            Entry::Began { takes_in } => return self.pass(takes_in).map(Some),
            Entry::Commanded(command) => self.command(&command)?,
            Entry::Digested(states) => self.compare_states(&states)?,
            Entry::Expired => event::expire(&mut self.engine.world),
            Entry::Drained(what, digest) => self.drain(what, digest)?,
            Entry::Touched => {
                self.lent.get_or_insert(self.engine.ticks());
            }
            Entry::Failed { system, message } => {
                return Err(ReplayError::Failed { system, message });
            }
            Entry::Closed { complete } => self.is_complete = Some(complete),
            // These are within something else.
            Entry::Received(_)
            | Entry::Bound(_)
            | Entry::Flew(_)
            | Entry::Taped(..)
            | Entry::Ended(_) => return Err(self.not_understood()),
        }
        Ok(None)
    }

    fn pass(&mut self, takes_in: bool) -> Result<Tick, ReplayError> {
        let ending = self.prepare()?;
        let failure = match self.engine.pass(takes_in) {
            Ok(()) => None,
            Err(TickError::Poisoned { system, message }) => Some((system, message)),
            // A pass waits for nothing.
            Err(TickError::Wait(error)) => Some((String::new(), error.to_string())),
        };
        match (ending, failure) {
            (Ending::Done(recorded), None) => {
                let outputs = self.compare(recorded)?;
                Ok(Tick {
                    number: self.engine.ticks(),
                    at: self.engine.now(),
                    outputs,
                })
            }
            (Ending::Failed { system, message }, Some(failed)) if system == failed.0 => {
                Err(ReplayError::Failed { system, message })
            }
            (ending, failed) => {
                let recorded = match ending {
                    Ending::Done(_) => None,
                    Ending::Failed { system, message } => Some(format!("{system}: {message}")),
                };
                let replayed = failed.map(|(system, message)| format!("{system}: {message}"));
                Err(self.differs(Divergence::Failure { recorded, replayed }))
            }
        }
    }

    fn command(&mut self, command: &Command) -> Result<(), ReplayError> {
        let recorded = match self.prepare()? {
            Ending::Done(recorded) => recorded,
            Ending::Failed { system, message } => {
                return Err(ReplayError::Failed { system, message });
            }
        };
        if let Err(reason) = commands::repeat(&mut self.engine, command) {
            let verb = command.verb.clone();
            return Err(self.differs(Divergence::Command { verb, reason }));
        }
        self.compare(recorded).map(drop)
    }

    /// Lays out what the outside answers in the pass or command that begins.
    fn prepare(&mut self) -> Result<Ending, ReplayError> {
        let mut script = Script::default();
        let ending = loop {
            match self.recording.take()? {
                Entry::Received(arrivals) => script.arrivals = Some(arrivals),
                Entry::Bound(bound) => script.bounds.push_back(bound),
                Entry::Flew(outcomes) => script.flights.push_back(outcomes),
                Entry::Taped(number, tape) => self.tapes.lay_in(number, tape),
                Entry::Ended(outputs) => break Ending::Done(outputs),
                Entry::Failed { system, message } => break Ending::Failed { system, message },
                _ => return Err(self.not_understood()),
            }
        };
        self.playback.lay_out(script);
        Ok(ending)
    }

    fn compare(&mut self, recorded: Outputs) -> Result<Outputs, ReplayError> {
        let replayed = self.engine.network.outputs();
        if replayed != recorded {
            return Err(self.differs(Divergence::Outputs { recorded, replayed }));
        }
        match self.playback.oddity() {
            Some(what) => Err(self.differs(Divergence::Asked(what))),
            None => Ok(replayed),
        }
    }

    fn compare_states(&mut self, recorded: &StateDigest) -> Result<(), ReplayError> {
        let replayed = self.engine.states().map_err(ReplayError::State)?;
        match replayed.first_difference(recorded, &self.engine.world) {
            Some((component, of)) => Err(self.differs(Divergence::State { component, of })),
            None => Ok(()),
        }
    }

    fn drain(&mut self, what: Drain, recorded: u64) -> Result<(), ReplayError> {
        let world = &self.engine.world;
        let replayed = match what {
            Drain::Events => {
                let told = self.engine.drain_events();
                return self.compare_collected(collected::events(&told), recorded);
            }
            Drain::Packets => collected::packets(world.resource::<Deliveries>()),
            Drain::Messages => collected::messages(world.resource::<MessageDeliveries>()),
        };
        self.compare_collected(replayed, recorded)?;
        match what {
            Drain::Messages => self.engine.drain_messages(|_| {}),
            _ => self.engine.drain_deliveries(|_| {}),
        }
        Ok(())
    }

    fn compare_collected(&self, replayed: Option<u64>, recorded: u64) -> Result<(), ReplayError> {
        match replayed == Some(recorded) {
            true => Ok(()),
            false => Err(self.differs(Divergence::Delivered)),
        }
    }

    fn differs(&self, what: Divergence) -> ReplayError {
        ReplayError::Differs(Difference {
            tick: self.engine.ticks(),
            at: self.engine.now(),
            what,
            lent: self.lent,
        })
    }

    fn not_understood(&self) -> ReplayError {
        let (at, _) = self.recording.progress();
        RecordingError::Unknown { at }.into()
    }
}

/// An engine as it began.
fn make(header: &Header, builder: Builder) -> Result<Engine, ReplayError> {
    let (certificate, private_key) = &header.identity;
    let identity = Identity::from_der(certificate, private_key);
    let identity = identity.map_err(|_| RecordingError::Unknown { at: 0 })?;
    let builder = builder.seed(header.seed).ntp_epoch(header.ntp_epoch);
    Ok(builder.dtls_identity(identity).build()?)
}

/// A builder that makes the same engine.
fn check(recorded: &Settings, given: &Settings) -> Result<(), ReplayError> {
    let lacks = |all: &[String], name: &&String| !all.contains(name);
    let mut recorded_plugins = recorded.plugins.iter();
    if let Some(name) = recorded_plugins.find(|name| lacks(&given.plugins, name)) {
        return Err(ReplayError::PluginMissing(name.clone()));
    }
    let mut given_plugins = given.plugins.iter();
    if let Some(name) = given_plugins.find(|name| lacks(&recorded.plugins, name)) {
        return Err(ReplayError::PluginUnknown(name.clone()));
    }
    if recorded.plugins != given.plugins {
        return Err(ReplayError::PluginOrder);
    }
    match recorded.first_change(given) {
        Some(changed) => Err(ReplayError::SettingChanged {
            name: changed.name,
            recorded: changed.recorded,
            given: changed.given,
        }),
        None => Ok(()),
    }
}
