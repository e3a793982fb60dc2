//! The runtime that all associations of an engine share.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::Time;

/// A current-thread runtime whose clock stands still unless it is run.
pub(in super::super) struct Runtime {
    inner: tokio::runtime::Runtime,
    start: Instant,
    ran: Mutex<Option<Time>>,
}

impl Runtime {
    /// Its timers are no finer.
    pub(super) const STEP: Duration = Duration::from_millis(1);

    fn new() -> Self {
        let inner = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .expect("a runtime without I/O asks the system for nothing");
        let start = inner.block_on(async { Instant::now() });
        Self {
            inner,
            start,
            ran: Mutex::new(None),
        }
    }

    /// Puts a task on it, which waits for the next run.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.inner.spawn(task)
    }

    /// Runs every task until none has anything to do before `now`; `false` if less than a step has
    /// passed since the last time.
    ///
    /// With its clock stopped the runtime goes from timer to timer, but only once nothing else is
    /// left to do: waiting for `now` is waiting for all of them.
    pub(super) fn run(&self, now: Time) -> bool {
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        if ran.is_some_and(|ran| now < ran + Self::STEP) {
            return false;
        }
        // Half a step later, so that what is due at `now` is over, rounded as it may be.
        let until = self.start + now.since(Time::ZERO) + Self::STEP / 2;
        self.inner.block_on(async { sleep_until(until).await });
        *ran = Some(now);
        true
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

/// The runtime of one engine, made when its first association asks for it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Shared(Arc<OnceLock<Arc<Runtime>>>);

impl Shared {
    /// The runtime.
    pub(super) fn runtime(&self) -> Arc<Runtime> {
        Arc::clone(self.0.get_or_init(|| Arc::new(Runtime::new())))
    }
}
