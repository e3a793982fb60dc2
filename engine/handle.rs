//! Other threads' way to the engine.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::completion::{Answer, Completion};
use crate::engine::Engine;
use crate::message_batch::{MessageBatch, Unsent};
use crate::poison::{Poison, contain};
use crate::requests::{Asker, HandleError};

/// Another thread's way to an engine. Cheap to clone.
///
/// When the last one is gone, [`Engine::run`] ends: nobody could ask for anything any more.
#[derive(Clone)]
pub struct Handle {
    asker: Arc<Asker<Engine>>,
}

/// Other threads.
impl Engine {
    /// Another thread's way to this engine.
    pub fn handle(&self) -> Handle {
        Handle {
            asker: Arc::new(self.requests.asker()),
        }
    }
}

impl Handle {
    /// Asks the engine to do something before its next tick: anything that can be done with
    /// `&mut Engine`.
    ///
    /// A request that panics fails alone, with [`HandleError::Panicked`]. Only if it panics inside
    /// of a method that changes the engine, which then is half done, or after it took
    /// [`world_mut`](Engine::world_mut), the world is in doubt and the engine is poisoned.
    ///
    /// # Errors
    ///
    /// [`HandleError::Full`], or what ended the engine; the request is dropped then.
    #[track_caller]
    pub fn request<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<Completion<T>, HandleError> {
        let place = Location::caller();
        let (completion, answer) = Completion::new(self.asker.ending());
        let request = move |engine: &mut Engine| serve(engine, act, answer, place);
        self.asker.push(Box::new(request))?;
        Ok(completion)
    }

    /// Sends many messages on direct transports with one request, which costs little more than one
    /// message; those that could not be sent, and why.
    ///
    /// # Errors
    ///
    /// See [`request`](Self::request).
    #[track_caller]
    pub fn send_messages(
        &self,
        batch: MessageBatch,
    ) -> Result<Completion<Vec<Unsent>>, HandleError> {
        self.request(move |engine| engine.send_messages(&batch))
    }

    /// Ends [`Engine::run`], after the requests that were made until now: what waits to be sent has
    /// `patience` to leave, then everything closes. The first call counts.
    ///
    /// # Errors
    ///
    /// What ended the engine already.
    pub fn shutdown(&self, patience: Duration) -> Result<(), HandleError> {
        self.asker.shutdown(patience)
    }

    /// Makes the engine tick soon.
    ///
    /// # Errors
    ///
    /// What ended the engine.
    pub fn wake(&self) -> Result<(), HandleError> {
        self.asker.wake()
    }
}

/// Does what was asked for, and answers.
fn serve<T>(
    engine: &mut Engine,
    act: impl FnOnce(&mut Engine) -> T,
    answer: Answer<T>,
    place: &Location<'_>,
) -> Result<(), Poison> {
    engine.in_doubt = false;
    let message = match contain(|| act(engine)) {
        Ok(value) => {
            answer.give(Ok(value));
            return Ok(());
        }
        Err(poison) => poison.message,
    };
    if !engine.in_doubt {
        answer.give(Err(HandleError::Panicked { message }));
        return Ok(());
    }
    let system = format!("(request at {place})");
    let poison = Poison { system, message };
    answer.give(Err(poison.clone().into()));
    Err(poison)
}
