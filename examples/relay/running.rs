//! The engine on a thread of its own: where it belongs when media must not wait for a screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flumen::{Engine, Handle, Imbalance, Remains, TickError};

/// Anything that ends this program early.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An engine that runs.
pub(crate) struct Running {
    handle: Handle,
    /// In nanoseconds.
    worst_tick: Arc<AtomicU64>,
    thread: JoinHandle<(Result<Remains, TickError>, Result<(), Imbalance>)>,
}

impl Running {
    /// Runs `engine`, and checks after every tick that no packet vanished.
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine starts no thread: an application does"
    )]
    pub(crate) fn start(engine: Engine) -> Self {
        let handle = engine.handle();
        let worst_tick = Arc::new(AtomicU64::default());
        let worst = Arc::clone(&worst_tick);
        let thread = thread::spawn(move || {
            let mut balance = Ok(());
            let remains = engine.run_with(|engine| {
                balance = balance.and_then(|()| engine.check_ledger());
                let nanoseconds = engine.work().last_tick().as_nanos();
                worst.fetch_max(nanoseconds as u64, Ordering::Relaxed);
            });
            (remains, balance)
        });
        Self {
            handle,
            worst_tick,
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
        Duration::from_nanos(self.worst_tick.load(Ordering::Relaxed))
    }

    /// Shuts the engine down: what it leaves behind and its longest tick, or why it ended.
    pub(crate) fn stop(self, patience: Duration) -> Result<(Remains, Duration), Failure> {
        // It fails when the engine has ended, which its thread tells better.
        let _ = self.handle.shutdown(patience);
        let worst_tick = self.worst_tick();
        let ended = self.thread.join();
        let (remains, balance) = ended.map_err(|_| "the engine's thread panicked")?;
        balance?;
        Ok((remains?, worst_tick))
    }
}
