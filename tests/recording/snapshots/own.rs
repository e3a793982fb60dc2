//! Components of the application's own.

// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::prelude::{Component, Entity, Resource};
use flumen::{Builder, Engine, Loopback, RestoreError, Setup, Snapshot};
use flumen_tests::Call;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Component, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Name(String);

#[derive(Component, Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Friend(
    #[entities]
    #[serde(serialize_with = "save", deserialize_with = "load")]
    Entity,
);

#[derive(Component)]
struct Secret;

#[derive(Resource, Clone, Debug, Serialize, Deserialize)]
struct Shared(u32);

fn save<S: Serializer>(entity: &Entity, serializer: S) -> Result<S::Ok, S::Error> {
    entity.to_bits().serialize(serializer)
}

fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Entity, D::Error> {
    u64::deserialize(deserializer).map(Entity::from_bits)
}

fn keeping(builder: Builder) -> Builder {
    builder.keep::<Name>().keep::<Friend>()
}

fn restore(snapshot: &Snapshot, configure: fn(Builder) -> Builder) -> Result<Engine, RestoreError> {
    let (backend, _) = Loopback::new();
    configure(Engine::builder().backend(backend)).restore(snapshot)
}

fn populated() -> (Call, Snapshot) {
    let room = flumen_tests::Room::with(keeping);
    let mut call = Call::inside(
        room,
        flumen::rtp_parameters::MediaKind::Audio,
        flumen_tests::opus(flumen_tests::SSRC),
    );
    let world = call.room.engine.world_mut();
    let producer = flumen::components::find(world, call.producer).unwrap();
    // Names of entities are others where it is restored.
    for _ in 0..50 {
        let gone = world.spawn_empty().id();
        world.despawn(gone);
    }
    let friend = world.spawn((Name("friend".into()), Secret)).id();
    world
        .entity_mut(producer)
        .insert((Name("ann".into()), Friend(friend)));
    let snapshot = call.room.engine.snapshot().unwrap();
    (call, snapshot)
}

#[test]
fn components_that_are_kept_come_back_with_their_entities() {
    let (call, snapshot) = populated();
    let mut engine = restore(&snapshot, keeping).unwrap();
    let world = engine.world_mut();
    let producer = flumen::components::find(world, call.producer).unwrap();
    assert_eq!(world.get(producer), Some(&Name("ann".into())));
    let friend = world.get::<Friend>(producer).unwrap().0;
    assert_eq!(world.get(friend), Some(&Name("friend".into())));
}

#[test]
fn a_digest_does_not_depend_on_what_entities_are_called() {
    let (mut call, snapshot) = populated();
    let digest = |engine: &mut Engine| engine.state_digest().unwrap();
    let mut engine = restore(&snapshot, keeping).unwrap();
    assert_eq!(digest(&mut engine), digest(&mut call.room.engine));
    let world = engine.world_mut();
    let producer = flumen::components::find(world, call.producer).unwrap();
    world.get_mut::<Friend>(producer).unwrap().0 = producer;
    assert_ne!(digest(&mut engine), digest(&mut call.room.engine));
}

#[test]
fn what_is_not_kept_is_told_by_name() {
    let (_, snapshot) = populated();
    let left: Vec<_> = snapshot.left_out().iter().map(String::as_str).collect();
    assert_eq!(left, [std::any::type_name::<Secret>()]);
}

#[test]
fn a_builder_that_does_not_keep_them_is_told() {
    let (_, snapshot) = populated();
    let refused = restore(&snapshot, Builder::keep::<Name>);
    let Err(RestoreError::NotKept(name)) = refused else {
        panic!("it must fail");
    };
    assert_eq!(name, std::any::type_name::<Friend>());
}

#[test]
fn a_resource_is_not_kept_though_it_was_asked_for() {
    let mut room = flumen_tests::Room::with(Builder::keep::<Shared>);
    room.engine.world_mut().insert_resource(Shared(1));
    let snapshot = room.engine.snapshot().unwrap();
    let left_out = snapshot.left_out();
    assert!(
        left_out.iter().any(|name| name.ends_with("Shared")),
        "{left_out:?}"
    );
}

/// A plugin that brings somebody.
fn host(setup: &mut Setup) {
    setup.world_mut().spawn((Name("host".into()), Secret));
}

#[test]
fn what_a_plugin_spawns_is_not_there_twice() {
    let hosted = |builder: Builder| keeping(builder).plugin(host);
    let names = |engine: &mut Engine| {
        let world = engine.world_mut();
        let mut names = world.query::<&Name>();
        let names: Vec<Name> = names.iter(world).cloned().collect();
        names
    };
    let mut room = flumen_tests::Room::with(hosted);
    let world = room.engine.world_mut();
    let mut present = world.query::<&mut Name>();
    present.single_mut(world).unwrap().0 = "guest".into();
    for _ in 0..2 {
        let snapshot = room.engine.snapshot().unwrap();
        room.engine = restore(&snapshot, |builder| keeping(builder).plugin(host)).unwrap();
        assert_eq!(names(&mut room.engine), [Name("guest".into())]);
    }
}
