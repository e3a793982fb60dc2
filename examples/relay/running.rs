//! The engine on a thread of its own: where it belongs when media must not wait for a screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flumen::{Engine, Handle};

/// Anything that ends this program early.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An engine that runs.
pub(crate) struct Running {
    handle: Handle,
    pulse: Arc<Pulse>,
    thread: JoinHandle<Result<Engine, Failure>>,
}

/// What the engine's thread and this one tell each other.
#[derive(Debug, Default)]
struct Pulse {
    stop: AtomicBool,
    worst_tick: AtomicU64,
}

impl Running {
    /// Runs `engine`, and checks after every tick that no packet vanished.
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine starts no thread: an application does"
    )]
    pub(crate) fn start(mut engine: Engine) -> Self {
        let handle = engine.handle();
        let pulse = Arc::new(Pulse::default());
        let shared = Arc::clone(&pulse);
        let thread = thread::spawn(move || {
            while !shared.stop.load(Ordering::Relaxed) {
                engine.turn(None)?;
                engine.check_ledger()?;
                let nanoseconds = engine.stage_times().last_tick().as_nanos();
                shared
                    .worst_tick
                    .fetch_max(nanoseconds as u64, Ordering::Relaxed);
            }
            Ok(engine)
        });
        Self {
            handle,
            pulse,
            thread,
        }
    }

    /// Does something with the engine, between two of its ticks.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.handle.request(act)?.wait()?)
    }

    /// The time that the longest tick took.
    pub(crate) fn worst_tick(&self) -> Duration {
        Duration::from_nanos(self.pulse.worst_tick.load(Ordering::Relaxed))
    }

    /// Gives the engine back, or tells why it ended.
    pub(crate) fn stop(self) -> Result<Engine, Failure> {
        self.pulse.stop.store(true, Ordering::Relaxed);
        // It fails when the engine has ended, which its thread tells better.
        let _ = self.handle.wake();
        self.thread
            .join()
            .unwrap_or_else(|_| Err("the engine's thread panicked".into()))
    }
}
