//! Nothing is sent by a consumer that is paused, or whose producer is.

use flumen::components::{Consumer, PausedByOwner};
use flumen::{Engine, Event, Subject};

use super::leftovers::Leftovers;
use super::{Check, Sent};

#[derive(Clone, Default)]
pub(super) struct Pauses {
    leftovers: Leftovers,
}

impl Check for Pauses {
    fn name(&self) -> &'static str {
        "pauses"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn told(&mut self, event: &Event) -> Result<(), String> {
        if matches!(event, Event::Paused(_) | Event::ProducerPaused(_)) {
            self.leftovers.leave(event.subject());
        }
        Ok(())
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let Some(stream) = sent.stream else {
            return Ok(());
        };
        let world = sent.engine.world();
        let paused = world.get::<PausedByOwner>(stream.consumer);
        let is_paused = paused.is_some_and(|paused| paused.0);
        let consumer = world.get::<Consumer>(stream.consumer);
        let is_silent = consumer.is_some_and(|consumer| consumer.producer_paused);
        let is_wrong = is_paused || is_silent;
        match is_wrong && !self.leftovers.take(Subject::Consumer(stream.id)) {
            true => Err(format!(
                "{} gets a packet of {}, which is paused",
                sent.to, stream.id
            )),
            false => Ok(()),
        }
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        self.leftovers.ticked(engine);
        Ok(())
    }
}
