//! What the world is made with: the crate `bevy_ecs`, all of it.
//!
//! Of its prelude, what is called like something of the engine's own is left out.

pub use bevy_ecs::*;

/// What systems are written with: the prelude of `bevy_ecs`, to be imported whole beside the
/// engine's modules.
///
/// `Discard`, `Event`, `Message` and `Messages` of `bevy_ecs` are not in it, as these words mean
/// reasons, events and messages of the engine here; they are in `lifecycle`,
/// `event` and `message` of the module above.
pub mod prelude {
    pub use bevy_ecs::prelude::{
        Add, Added, Allow, AnyOf, ApplyDeferred, BevyError, Bundle, Changed, ChildOf, ChildSpawner,
        ChildSpawnerCommands, Children, Command, Commands, Component, ContainsEntity, ContextExt,
        ContiguousMut, ContiguousRef, Deferred, Despawn, DetectChanges, DetectChangesMut, Entity,
        EntityCommand, EntityCommands, EntityEvent, EntityMapper, EntityMut, EntityRef,
        EntityWorldMut, EventPattern, FromTemplate, FromWorld, Has, If, In, InMut, InRef, Insert,
        IntoScheduleConfigs, IntoSystem, IntoSystemSet, Local, MessageMutator, MessageReader,
        MessageWriter, Mut, Name, NameOrEntity, NonSend, NonSendMut, Observer, ObserverSystemExt,
        On, Or, ParallelCommands, ParamSet, Populated, PopulatedMessageReader, Query, QueryBuilder,
        QueryState, ReadOnlySystem, Ref, RelationshipTarget, Remove, RemovedComponents, Res,
        ResMut, Resource, Result, ResultSeverityExt, Schedule, Schedules, Severity, Single, Spawn,
        SpawnIter, SpawnRelated, SpawnWith, System, SystemCondition, SystemIn, SystemInput,
        SystemParamBuilder, SystemParamFunction, SystemSet, Template, With, WithOneRelated,
        WithRelated, Without, World, children, related, template,
    };
    pub use bevy_ecs::schedule::common_conditions::*;
}
