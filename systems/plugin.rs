//! How systems join the tick: the engine's own and the user's in the same way.

use bevy_ecs::schedule::{
    IntoScheduleConfigs, LogLevel, Schedule, ScheduleBuildSettings, ScheduleLabel,
    SingleThreadedExecutor,
};
use bevy_ecs::system::ScheduleSystem;
use bevy_ecs::world::World;
use flumen_components::{Balance, Broken, Moment, Veto, Vetoes};
use thiserror::Error;

use crate::chain::{Chain, IntoChain};
use crate::conditions::Condition;
use crate::stage::{Slot, Stage};

/// Something that adds components, resources and systems to an engine while it is built.
///
/// Every `Fn(&mut Setup)` is one.
pub trait Plugin {
    /// Adds what it has.
    fn build(&self, setup: &mut Setup);
}

impl<F: Fn(&mut Setup)> Plugin for F {
    fn build(&self, setup: &mut Setup) {
        self(setup);
    }
}

/// An engine being built: its world, and the systems of each stage.
pub struct Setup {
    world: World,
    steps: Vec<Step>,
}

/// Systems of one slot of one stage that were added at once.
pub struct Step {
    /// The stage.
    pub stage: Stage,
    /// The slot.
    pub slot: Slot,
    /// What its systems run for; without, they always run: one question spares all others.
    due: Option<Condition>,
    systems: Systems,
}

/// Systems of the engine's own, part by part: each runs when there is something for it.
#[derive(Default)]
pub(crate) struct Parts(Vec<Part>);

struct Part {
    due: Option<Condition>,
    systems: Chain,
}

/// The systems of a step.
enum Systems {
    /// The engine's own.
    Parts(Parts),
    /// An application's, whose order is checked when the engine is built.
    Schedule(Box<Schedule>),
}

#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
struct StepLabel(Stage, Slot);

/// The systems of a step have no definite order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the order of systems in {stage} ({slot:?}) is not defined: {reason}")]
pub struct OrderError {
    /// The stage.
    pub stage: Stage,
    /// The slot.
    pub slot: Slot,
    /// What bevy_ecs says of it, with the names of the systems.
    pub reason: String,
}

impl Setup {
    /// Begins with a world and no systems.
    pub fn new(mut world: World) -> Self {
        world.init_resource::<Vetoes>();
        world.init_resource::<Moment>();
        Self {
            world,
            steps: Vec::new(),
        }
    }

    /// The reason called `name` (lower camel case) of the application's own, to veto with:
    /// ledgers count it under that name. Asking twice gives the same one.
    ///
    /// A name that is empty or one of the engine's, or more than
    /// [`VETOES_MAX`](flumen_components::VETOES_MAX) of them, is an error when the engine is built.
    pub fn veto(&mut self, name: &'static str) -> Veto {
        self.world.resource_mut::<Vetoes>().register(name)
    }

    /// The world, to insert resources and components into.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Adds systems to a slot of a stage, behind those that were added to it before.
    ///
    /// Systems of one call that conflict must state their order (`.chain()`, `.before()`): an
    /// ambiguity is an error when the engine is built.
    pub fn add_systems<M>(
        &mut self,
        stage: Stage,
        slot: Slot,
        systems: impl IntoScheduleConfigs<ScheduleSystem, M>,
    ) -> &mut Self {
        let mut schedule = checked_schedule(stage, slot);
        schedule.add_systems(systems);
        self.add_step(stage, slot, None, Systems::Schedule(Box::new(schedule)));
        self
    }

    /// Adds systems of the engine's own to a stage, which run when there is something for them.
    pub(crate) fn run_when<M>(&mut self, due: Condition, stage: Stage, systems: impl IntoChain<M>) {
        self.run_parts_when(due, stage, Parts::default().then(systems));
    }

    /// Adds systems of the engine's own to a stage, of which none has anything to do unless `due`.
    pub(crate) fn run_parts_when(&mut self, due: Condition, stage: Stage, parts: Parts) {
        let systems = Systems::Parts(parts);
        self.add_step(stage, Slot::BuiltIn, Some(due), systems);
    }

    /// What is added at once is a step of its own, so that what an application's systems leave
    /// behind can be checked.
    fn add_step(&mut self, stage: Stage, slot: Slot, due: Option<Condition>, systems: Systems) {
        let place = (stage, slot);
        let end = self
            .steps
            .partition_point(|step| (step.stage, step.slot) <= place);
        let step = Step {
            stage,
            slot,
            due,
            systems,
        };
        self.steps.insert(end, step);
    }

    /// Fixes the order: the world, and the steps that have systems.
    ///
    /// # Errors
    ///
    /// [`OrderError`] when a step is ambiguous or contradictory.
    pub fn build(mut self) -> Result<(World, Vec<Step>), OrderError> {
        for step in &mut self.steps {
            let (stage, slot) = (step.stage, step.slot);
            let reason = |error: String| OrderError {
                stage,
                slot,
                reason: error,
            };
            match &mut step.systems {
                Systems::Parts(parts) => parts.initialize(&mut self.world),
                Systems::Schedule(schedule) => {
                    if let Err(error) = schedule.initialize(&mut self.world) {
                        return Err(reason(error.to_string(schedule.graph(), &self.world)));
                    }
                }
            }
        }
        Ok((self.world, self.steps))
    }
}

impl Step {
    /// Runs the systems of the step, if there is anything for them: whether there was.
    ///
    /// # Errors
    ///
    /// [`Broken`] when those of an application leave something behind that the engine cannot go on
    /// with.
    pub fn run(&mut self, world: &mut World) -> Result<bool, Broken> {
        if self.slot != Slot::BuiltIn {
            return self.run_checked(world);
        }
        let is_due = is_due(self.due, world);
        if is_due {
            self.systems.run(world);
        }
        Ok(is_due)
    }

    /// Runs the systems of an application. Apart from the engine's own, which there are more of.
    #[cold]
    fn run_checked(&mut self, world: &mut World) -> Result<bool, Broken> {
        let moment = moment(self.stage, self.slot);
        *world.resource_mut() = moment;
        let balance = Balance::of(world);
        self.systems.run(world);
        balance.check(world, moment)?;
        Ok(true)
    }

    /// The names of its systems, in the order in which they run.
    pub fn order(&self) -> Vec<String> {
        match &self.systems {
            Systems::Parts(parts) => parts.chains().flat_map(Chain::names).collect(),
            Systems::Schedule(schedule) => {
                let systems = schedule.systems().into_iter().flatten();
                let name = |system: &ScheduleSystem| system.name().shortname().to_string();
                systems.map(|(_, system)| name(system)).collect()
            }
        }
    }

    /// The name of the engine's own system that panicked, if one did.
    pub fn running(&self) -> Option<String> {
        match &self.systems {
            Systems::Parts(parts) => parts.chains().find_map(Chain::running),
            Systems::Schedule(_) => None,
        }
    }
}

impl Systems {
    fn run(&mut self, world: &mut World) {
        match self {
            Self::Parts(parts) => parts.run(world),
            Self::Schedule(schedule) => {
                schedule.run(world);
            }
        }
    }
}

impl Parts {
    /// Behind those before, systems that always run.
    pub(crate) fn then<M>(mut self, systems: impl IntoChain<M>) -> Self {
        self.0.push(Part {
            due: None,
            systems: systems.into_chain(),
        });
        self
    }

    /// Behind those before, systems that run when there is something for them.
    pub(crate) fn when<M>(mut self, due: Condition, systems: impl IntoChain<M>) -> Self {
        self.0.push(Part {
            due: Some(due),
            systems: systems.into_chain(),
        });
        self
    }

    fn initialize(&mut self, world: &mut World) {
        for part in &mut self.0 {
            part.systems.initialize(world);
        }
    }

    fn run(&mut self, world: &mut World) {
        for part in &mut self.0 {
            if is_due(part.due, world) {
                part.systems.run(world);
            }
        }
    }

    fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.0.iter().map(|part| &part.systems)
    }
}

fn is_due(due: Option<Condition>, world: &World) -> bool {
    due.is_none_or(|due| due(world))
}

/// A schedule in which an ambiguous order is an error.
fn checked_schedule(stage: Stage, slot: Slot) -> Schedule {
    let mut schedule = Schedule::new(StepLabel(stage, slot));
    schedule.set_executor(SingleThreadedExecutor::new());
    schedule.set_build_settings(ScheduleBuildSettings {
        ambiguity_detection: LogLevel::Error,
        ..ScheduleBuildSettings::default()
    });
    schedule
}

/// How far a tick has come in a slot before or after the engine's own.
fn moment(stage: Stage, slot: Slot) -> Moment {
    let is_before = |stage_end| (stage, slot) < (stage_end, Slot::BuiltIn);
    if is_before(Stage::Demux) {
        Moment::Arrived
    } else if is_before(Stage::Receive) {
        Moment::Claimed
    } else if is_before(Stage::Forward) {
        Moment::Accepted
    } else if is_before(Stage::Flush) {
        Moment::Forwarded
    } else {
        Moment::Sent
    }
}
