//! A disk in memory, for recordings.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flumen::{Builder, Engine, Recording, RecordingError, Replay, ReplayError, Tick};

/// A file that a run is recorded to. Clones are the same file.
#[derive(Clone, Default)]
pub struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Nothing is taken in until somebody lets it.
    stuck: bool,
    /// Bytes that fit.
    room: Option<usize>,
}

/// How long a thread that writes may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Disk {
    /// One that takes nothing in before [`go_on`](Self::go_on).
    pub fn stuck() -> Self {
        Self::default().held()
    }

    /// One with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        let disk = Self::default();
        disk.state().room = Some(bytes);
        disk
    }

    /// It takes nothing in before [`go_on`](Self::go_on).
    #[must_use]
    pub fn held(self) -> Self {
        self.state().stuck = true;
        self
    }

    /// Takes in what waits.
    pub fn go_on(&self) {
        self.state().stuck = false;
        self.0.1.notify_all();
    }

    /// Ends the recording of `engine`: the file.
    ///
    /// # Panics
    ///
    /// When it is not whole.
    pub fn finish(&self, engine: &mut Engine) -> Vec<u8> {
        assert!(engine.finish_recording(PATIENCE), "all is written");
        self.bytes()
    }

    /// All of the recording of an engine that is gone: its thread may be writing yet.
    pub fn whole(self) -> Vec<u8> {
        while Arc::strong_count(&self.0) > 1 {
            std::thread::yield_now();
        }
        self.bytes()
    }

    /// What was written until now.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let state = self.state();
        let waited = self.0.1.wait_while(state, |state| state.stuck);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let room = state.room.unwrap_or(usize::MAX) - state.bytes.len();
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = &bytes[..bytes.len().min(room)];
        state.bytes.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a recording.
///
/// # Errors
///
/// See [`RecordingError`].
pub fn open(file: &[u8]) -> Result<Recording, RecordingError> {
    Recording::read(io::Cursor::new(file.to_vec()))
}

/// Replays a file to its end with an engine of its own settings and what `configure` adds: every
/// tick.
///
/// # Errors
///
/// See [`ReplayError`].
pub fn replay_with(
    file: &[u8],
    configure: impl FnOnce(Builder) -> Builder,
) -> Result<Vec<Tick>, ReplayError> {
    let recording = open(file)?;
    let builder = configure(recording.builder());
    let mut replay = Replay::new(recording, builder)?;
    let mut ticks = Vec::new();
    while let Some(tick) = replay.step()? {
        ticks.push(tick);
    }
    Ok(ticks)
}

/// The same without plugins.
///
/// # Errors
///
/// See [`ReplayError`].
pub fn replay(file: &[u8]) -> Result<Vec<Tick>, ReplayError> {
    replay_with(file, |builder| builder)
}
