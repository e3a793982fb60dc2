//! Other threads' way to the engine: bounded, and it wakes the run loop.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use thiserror::Error;

use crate::backend::Wake;
use crate::engine::Engine;

/// Another thread's way to an engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    queue: Arc<Queue>,
}

/// A request cannot be made, or will not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandleError {
    /// As many requests as the engine takes are waiting already.
    #[error("as many requests as the engine takes are waiting already")]
    Full,
    /// The engine was dropped or shut down, or is poisoned.
    #[error("the engine is gone")]
    EngineGone,
}

/// The answer to a request, when it comes.
///
/// Wait for it with [`wait`](Self::wait), look whether it is there with [`poll`](Self::poll), or
/// await it: it is a future for any runtime.
pub struct Completion<T> {
    slot: Arc<Slot<T>>,
}

pub(crate) type Request = Box<dyn FnOnce(&mut Engine) + Send>;

/// The engine's end of all its handles.
pub(crate) struct Requests {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<QueueState>,
    limit: usize,
    waker: Arc<dyn Wake>,
}

struct QueueState {
    requests: VecDeque<Request>,
    engine_gone: bool,
}

struct Slot<T> {
    state: Mutex<SlotState<T>>,
    answered: Condvar,
}

struct SlotState<T> {
    answer: Option<Result<T, HandleError>>,
    waker: Option<Waker>,
}

impl Handle {
    /// Asks the engine to do something before its next tick: anything that can be done with
    /// `&mut Engine`.
    ///
    /// # Errors
    ///
    /// [`HandleError::Full`] or [`HandleError::EngineGone`]; the request is dropped then.
    pub fn request<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<Completion<T>, HandleError> {
        let slot = Slot::new();
        let answer = Answer(Some(Arc::clone(&slot)));
        self.queue
            .push(Box::new(move |engine| answer.give(act(engine))))?;
        self.queue.waker.wake();
        Ok(Completion { slot })
    }

    /// Makes the engine tick soon.
    ///
    /// # Errors
    ///
    /// [`HandleError::EngineGone`].
    pub fn wake(&self) -> Result<(), HandleError> {
        if lock(&self.queue.state).engine_gone {
            return Err(HandleError::EngineGone);
        }
        self.queue.waker.wake();
        Ok(())
    }
}

impl<T> Completion<T> {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// [`HandleError::EngineGone`] when the engine is dropped before it answers.
    pub fn wait(self) -> Result<T, HandleError> {
        let mut state = lock(&self.slot.state);
        loop {
            if let Some(answer) = state.answer.take() {
                return answer;
            }
            let woken = self.slot.answered.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The answer, if it is there; it can be taken once.
    pub fn poll(&mut self) -> Option<Result<T, HandleError>> {
        lock(&self.slot.state).answer.take()
    }
}

impl<T> Future for Completion<T> {
    type Output = Result<T, HandleError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.slot.state);
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Requests {
    pub(crate) fn new(limit: usize, waker: Arc<dyn Wake>) -> Self {
        let requests = VecDeque::new();
        let state = Mutex::new(QueueState {
            requests,
            engine_gone: false,
        });
        Self {
            queue: Arc::new(Queue {
                state,
                limit,
                waker,
            }),
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle {
            queue: Arc::clone(&self.queue),
        }
    }

    /// Everything requested until now.
    pub(crate) fn take(&self) -> VecDeque<Request> {
        let mut state = lock(&self.queue.state);
        if state.requests.is_empty() {
            VecDeque::new()
        } else {
            std::mem::take(&mut state.requests)
        }
    }
}

impl Requests {
    /// Takes no more requests. Those that were not served are dropped, which answers them with
    /// [`HandleError::EngineGone`].
    pub(crate) fn close(&self) {
        let mut state = lock(&self.queue.state);
        state.engine_gone = true;
        let unserved = std::mem::take(&mut state.requests);
        // Dropping a request runs the application's code, which may use a handle.
        drop(state);
        drop(unserved);
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn push(&self, request: Request) -> Result<(), HandleError> {
        let mut state = lock(&self.state);
        if state.engine_gone {
            return Err(HandleError::EngineGone);
        }
        if state.requests.len() >= self.limit {
            return Err(HandleError::Full);
        }
        state.requests.push_back(request);
        Ok(())
    }
}

impl<T> Slot<T> {
    fn new() -> Arc<Self> {
        let state = Mutex::new(SlotState {
            answer: None,
            waker: None,
        });
        Arc::new(Self {
            state,
            answered: Condvar::new(),
        })
    }

    fn answer(&self, answer: Result<T, HandleError>) {
        let mut state = lock(&self.state);
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        self.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The duty to answer: dropped without having answered, it tells that the engine is gone.
struct Answer<T>(Option<Arc<Slot<T>>>);

impl<T> Answer<T> {
    fn give(mut self, answer: T) {
        if let Some(slot) = self.0.take() {
            slot.answer(Ok(answer));
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.answer(Err(HandleError::EngineGone));
        }
    }
}

/// A thread that panicked with the lock held left consistent state behind: nothing here panics
/// half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
