//! What other threads ask for: bounded, and it wakes whoever serves it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use thiserror::Error;

use crate::backend::Wake;
use crate::poison::Poison;

/// A request cannot be made, or will not be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandleError {
    /// As many requests as the engine takes are waiting already.
    #[error("as many requests as the engine takes are waiting already")]
    Full,
    /// The engine was dropped or shut down.
    #[error("the engine is gone")]
    EngineGone,
    /// The request panicked, and left nothing half done: the engine goes on without it.
    #[error("the request panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// The engine does not tick again: a system failed, or a request that left the world in doubt
    /// (see [`TickError::Poisoned`](crate::TickError::Poisoned)).
    #[error("the engine is poisoned: {system} failed: {message}")]
    Poisoned {
        /// The name of the system, or where the request was made.
        system: String,
        /// What it said.
        message: String,
    },
}

impl From<Poison> for HandleError {
    fn from(Poison { system, message }: Poison) -> Self {
        Self::Poisoned { system, message }
    }
}

/// What an `E` is asked for; an error when that left it in doubt.
pub(crate) type Request<E> = Box<dyn FnOnce(&mut E) -> Result<(), Poison> + Send>;

/// Why requests are not answered any more, once they are not.
pub(crate) type Ending = Arc<OnceLock<HandleError>>;

/// The serving end. Dropped, it is gone.
pub(crate) struct Requests<E> {
    queue: Arc<Queue<E>>,
}

/// An asking end. When the last one goes, so has everybody who could ask.
pub(crate) struct Asker<E> {
    queue: Arc<Queue<E>>,
}

struct Queue<E> {
    state: Mutex<QueueState<E>>,
    limit: usize,
    waker: Arc<dyn Wake>,
    ending: Ending,
}

struct QueueState<E> {
    requests: VecDeque<Request<E>>,
    askers: usize,
    had_askers: bool,
    shutdown: Option<Duration>,
}

impl<E> Requests<E> {
    /// At most `limit` requests wait; `waker` is called when the first one is made.
    pub(crate) fn new(limit: usize, waker: Arc<dyn Wake>) -> Self {
        let state = Mutex::new(QueueState {
            requests: VecDeque::new(),
            askers: 0,
            had_askers: false,
            shutdown: None,
        });
        Self {
            queue: Arc::new(Queue {
                state,
                limit,
                waker,
                ending: Ending::default(),
            }),
        }
    }

    pub(crate) fn asker(&self) -> Asker<E> {
        let mut state = self.queue.lock();
        state.askers += 1;
        state.had_askers = true;
        Asker {
            queue: Arc::clone(&self.queue),
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.lock().requests.len()
    }

    /// Everything requested until now.
    pub(crate) fn take(&self) -> VecDeque<Request<E>> {
        let mut state = self.queue.lock();
        if state.requests.is_empty() {
            VecDeque::new()
        } else {
            std::mem::take(&mut state.requests)
        }
    }

    /// How long the end may take, once somebody wants it or nobody can ask for anything any more.
    pub(crate) fn shutdown_asked(&self) -> Option<Duration> {
        let state = self.queue.lock();
        let abandoned = state.had_askers && state.askers == 0;
        state.shutdown.or(abandoned.then_some(Duration::ZERO))
    }

    /// Takes no more requests. Those that were not served are dropped, which answers them with
    /// `why`.
    pub(crate) fn close(&self, why: HandleError) {
        let mut state = self.queue.lock();
        let _ = self.queue.ending.set(why);
        let unserved = std::mem::take(&mut state.requests);
        // Dropping a request runs the application's code, which may ask.
        drop(state);
        drop(unserved);
    }
}

impl<E> Drop for Requests<E> {
    fn drop(&mut self) {
        self.close(HandleError::EngineGone);
    }
}

impl<E> Asker<E> {
    /// Makes a request.
    ///
    /// # Errors
    ///
    /// [`HandleError::Full`], or what ended the serving.
    pub(crate) fn push(&self, request: Request<E>) -> Result<(), HandleError> {
        let mut state = self.queue.open()?;
        if state.requests.len() >= self.queue.limit {
            return Err(HandleError::Full);
        }
        // Whoever made the first one wakes the engine for all.
        let first = state.requests.is_empty();
        state.requests.push_back(request);
        drop(state);
        if first {
            self.queue.waker.wake();
        }
        Ok(())
    }

    /// Asks for the end; the first one to do so says how long it may take.
    pub(crate) fn shutdown(&self, patience: Duration) -> Result<(), HandleError> {
        self.queue.open()?.shutdown.get_or_insert(patience);
        self.queue.waker.wake();
        Ok(())
    }

    pub(crate) fn wake(&self) -> Result<(), HandleError> {
        drop(self.queue.open()?);
        self.queue.waker.wake();
        Ok(())
    }

    pub(crate) fn ending(&self) -> Ending {
        Arc::clone(&self.queue.ending)
    }
}

impl<E> Drop for Asker<E> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.askers -= 1;
        let last = state.askers == 0;
        drop(state);
        if last {
            self.queue.waker.wake();
        }
    }
}

impl<E> Queue<E> {
    /// The state, while requests are taken.
    fn open(&self) -> Result<MutexGuard<'_, QueueState<E>>, HandleError> {
        let state = self.lock();
        match self.ending.get() {
            Some(why) => Err(why.clone()),
            None => Ok(state),
        }
    }

    /// A thread that panicked with the lock held left consistent state behind: nothing here panics
    /// half way through a change.
    fn lock(&self) -> MutexGuard<'_, QueueState<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
