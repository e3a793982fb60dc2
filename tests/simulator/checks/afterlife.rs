//! Nothing is told of what was closed, and nothing is sent by it.

use std::collections::BTreeSet;

use flumen::components::Consumer;
use flumen::{Engine, Event, Subject};

use super::leftovers::Leftovers;
use super::{Check, Sent};

#[derive(Clone, Default)]
pub(super) struct Afterlife {
    closed: BTreeSet<Subject>,
    leftovers: Leftovers,
}

impl Check for Afterlife {
    fn name(&self) -> &'static str {
        "afterlife"
    }

    fn fork(&self) -> Option<Box<dyn Check>> {
        Some(Box::new(self.clone()))
    }

    fn told(&mut self, event: &Event) -> Result<(), String> {
        let subject = event.subject();
        if self.closed.contains(&subject) {
            return Err(format!(
                "{:?} of {subject:?}, which was closed",
                event.name()
            ));
        }
        if matches!(event, Event::Ended(_)) {
            self.closed.insert(subject);
            self.leftovers.leave(subject);
        }
        Ok(())
    }

    fn sent(&mut self, sent: &Sent<'_>) -> Result<(), String> {
        let Some(stream) = sent.stream else {
            return Ok(());
        };
        match sent.engine.world().get::<Consumer>(stream.consumer) {
            Some(_) => Ok(()),
            None if self.leftovers.take(Subject::Consumer(stream.id)) => Ok(()),
            None => Err(format!(
                "{} gets a packet of {}, which is closed",
                sent.to, stream.id
            )),
        }
    }

    fn ticked(&mut self, engine: &Engine) -> Result<(), String> {
        self.leftovers.ticked(engine);
        Ok(())
    }
}
