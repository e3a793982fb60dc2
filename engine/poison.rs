//! A system that panics poisons the engine: later ticks tell which one it was.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bevy_ecs::error::{BevyError, ErrorContext};
use flumen_systems::Step;

/// What unwinds out of a step when one of its systems failed.
struct Failure {
    system: String,
    message: String,
}

/// What a failed system left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poison {
    pub(crate) system: String,
    pub(crate) message: String,
}

/// What is told where no system is known.
const ENGINE: &str = "(engine)";

impl Poison {
    /// With the name of the engine's own system that was running, if the step knows it.
    pub(crate) fn within(self, step: Option<&Step>) -> Self {
        let running = step.and_then(Step::running);
        match running.filter(|_| self.system == ENGINE) {
            Some(system) => Self { system, ..self },
            None => self,
        }
    }
}

/// The error handler of the world: a system returned an error or panicked.
pub(crate) fn raise(mut error: BevyError, context: ErrorContext) {
    let message = match error.take_payload() {
        None => error.to_string().trim_end().into(),
        Some(payload) => match payload.downcast::<Failure>() {
            // An error that a system returned was raised inside of it, so it comes by once more, as
            // a panic.
            Ok(failure) => resume_unwind(failure),
            Err(payload) => text(payload.as_ref()),
        },
    };
    let system = context.name().shortname().to_string();
    resume_unwind(Box::new(Failure { system, message }));
}

/// Runs a step and tells which of its systems failed.
pub(crate) fn contain<T>(step: impl FnOnce() -> T) -> Result<T, Poison> {
    catch_unwind(AssertUnwindSafe(step)).map_err(explain)
}

fn explain(payload: Box<dyn Any + Send>) -> Poison {
    match payload.downcast::<Failure>() {
        Ok(failure) => Poison {
            system: failure.system,
            message: failure.message,
        },
        // Not from a system that a schedule ran.
        Err(payload) => Poison {
            system: ENGINE.into(),
            message: text(payload.as_ref()),
        },
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    let owned = payload.downcast_ref::<String>().cloned();
    owned
        .or_else(|| payload.downcast_ref::<&str>().map(|&text| text.into()))
        .unwrap_or_default()
}
