//! The answer to a request, for any thread and any runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::requests::{Ending, HandleError};

/// The answer to a request, when it comes.
///
/// Wait for it with [`wait`](Self::wait), look whether it is there with [`poll`](Self::poll), or
/// await it: it is a future for any runtime.
pub struct Completion<T> {
    slot: Arc<Slot<T>>,
}

/// The duty to answer: dropped without having answered, it tells what ended the engine.
pub(crate) struct Answer<T> {
    slot: Option<Arc<Slot<T>>>,
    ending: Ending,
}

struct Slot<T> {
    state: Mutex<SlotState<T>>,
    answered: Condvar,
}

struct SlotState<T> {
    answer: Option<Result<T, HandleError>>,
    waker: Option<Waker>,
}

impl<T> Completion<T> {
    /// One that waits, and the duty to answer it.
    pub(crate) fn new(ending: Ending) -> (Self, Answer<T>) {
        let state = Mutex::new(SlotState {
            answer: None,
            waker: None,
        });
        let slot = Arc::new(Slot {
            state,
            answered: Condvar::new(),
        });
        let answer = Answer {
            slot: Some(Arc::clone(&slot)),
            ending,
        };
        (Self { slot }, answer)
    }

    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// [`HandleError::Panicked`], or what ended the engine before it answered.
    pub fn wait(self) -> Result<T, HandleError> {
        let mut state = self.slot.lock();
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
        self.slot.lock().answer.take()
    }
}

impl<T> Future for Completion<T> {
    type Output = Result<T, HandleError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Answer<T> {
    pub(crate) fn give(mut self, answer: Result<T, HandleError>) {
        if let Some(slot) = self.slot.take() {
            slot.answer(answer);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let ended = self.ending.get().cloned();
            slot.answer(Err(ended.unwrap_or(HandleError::EngineGone)));
        }
    }
}

impl<T> Slot<T> {
    fn answer(&self, answer: Result<T, HandleError>) {
        let mut state = self.lock();
        state.answer = Some(answer);
        let waker = state.waker.take();
        drop(state);
        self.answered.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A thread that panicked with the lock held left consistent state behind: nothing here panics
    /// half way through a change.
    fn lock(&self) -> MutexGuard<'_, SlotState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
