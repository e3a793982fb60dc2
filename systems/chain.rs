//! Systems that run one after the other, in an order that is stated and not worked out.

use bevy_ecs::error::ErrorContext;
use bevy_ecs::system::{BoxedSystem, IntoSystem, RunSystemError};
use bevy_ecs::world::World;

/// Systems of the engine's own, in the order in which they run. What one defers is done before the
/// next one.
///
/// A schedule sorts its systems, looks for conflicts among them and keeps account of which have run.
/// None of that can tell anything new of a chain, and an engine has forty of them.
#[derive(Default)]
pub(crate) struct Chain {
    systems: Vec<BoxedSystem>,
    /// How many of them have run, while they do.
    done: Option<usize>,
}

/// A chain, or one system.
pub(crate) trait IntoChain<M> {
    fn into_chain(self) -> Chain;
}

/// Several systems, in order. `M` tells bevy_ecs' kinds of systems apart.
pub(crate) trait InOrder<M> {
    fn chain(self) -> Chain;
}

#[doc(hidden)]
pub(crate) struct IsChain;

impl IntoChain<IsChain> for Chain {
    fn into_chain(self) -> Chain {
        self
    }
}

impl<M, S: IntoSystem<(), (), M>> IntoChain<(IsChain, M)> for S {
    fn into_chain(self) -> Chain {
        Chain::default().then(self)
    }
}

impl<MA, MB, A, B> InOrder<(MA, MB)> for (A, B)
where
    A: IntoSystem<(), (), MA>,
    B: IntoSystem<(), (), MB>,
{
    fn chain(self) -> Chain {
        Chain::default().then(self.0).then(self.1)
    }
}

impl<MA, MB, MC, A, B, C> InOrder<(MA, MB, MC)> for (A, B, C)
where
    (A, B): InOrder<(MA, MB)>,
    C: IntoSystem<(), (), MC>,
{
    fn chain(self) -> Chain {
        (self.0, self.1).chain().then(self.2)
    }
}

impl<MA, MB, MC, MD, A, B, C, D> InOrder<(MA, MB, MC, MD)> for (A, B, C, D)
where
    (A, B, C): InOrder<(MA, MB, MC)>,
    D: IntoSystem<(), (), MD>,
{
    fn chain(self) -> Chain {
        (self.0, self.1, self.2).chain().then(self.3)
    }
}

impl Chain {
    fn then<M>(mut self, system: impl IntoSystem<(), (), M>) -> Self {
        self.systems.push(Box::new(IntoSystem::into_system(system)));
        self
    }

    pub(crate) fn initialize(&mut self, world: &mut World) {
        for system in &mut self.systems {
            system.initialize(world);
        }
    }

    pub(crate) fn run(&mut self, world: &mut World) {
        for (done, system) in self.systems.iter_mut().enumerate() {
            self.done = Some(done);
            if let Err(RunSystemError::Failed(error)) = system.run((), world) {
                let context = ErrorContext::System {
                    name: system.name(),
                    last_run: system.get_last_run(),
                };
                world.fallback_error_handler()(error, context);
            }
        }
        self.done = None;
    }

    /// The name of the system that is running, or was when it panicked.
    pub(crate) fn running(&self) -> Option<String> {
        Some(name(self.systems.get(self.done?)?))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.systems.iter().map(name)
    }
}

fn name(system: &BoxedSystem) -> String {
    system.name().shortname().to_string()
}
