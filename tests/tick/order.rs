//! One place states the order of a tick, and it is the same in every engine.

// Derives of the ECS name its crate.
use flumen::ecs as bevy_ecs;
use flumen::ecs::resource::Resource;
use flumen::ecs::schedule::IntoScheduleConfigs;
use flumen::ecs::system::ResMut;
use flumen::{BuildError, Engine, Loopback, Setup, Slot, Stage, Time};
use flumen_tests::Room;

#[test]
fn the_order_of_the_built_in_systems_is_this() {
    let expected = [
        "Demux: fire_deadlines",
        "Demux: watch_consent",
        "Demux: fire_dtls",
        "Demux: admit_connections",
        "Demux: answer_checks",
        "Demux: tell_ways",
        "Demux: receive_dtls",
        "Demux: demultiplex",
        "Demux: note_arrivals",
        "Demux: end_connections",
        "Demux: go_on",
        "Demux: settle_sessions",
        "Receive: receive_rtp",
        "Receive: read_capture_times",
        "Receive: receive_rtcp",
        "Receive: receive_reports",
        "Receive: read_orientation",
        "Receive: trace_packets",
        "Receive: receive_sctp",
        "Receive: receive_messages",
        "Score: watch_inactivity",
        "Score: sample_scores",
        "Score: sample_consumers",
        "Score: announce_scores",
        "Score: watch_liveness",
        "Score: watch_layers",
        "Score: list_paths",
        "Score: measure_demand",
        "Score: estimate_paths",
        "Score: share_paths",
        "Score: choose_layers",
        "Score: tell_wants",
        "Score: hear_levels",
        "Score: tell_levels",
        "Forward: forward_packets",
        "Forward: tell_layers",
        "Forward: fan_out_messages",
        "Feedback: answer_nacks",
        "Feedback: send_sctp",
        "Feedback: wish_on_connect",
        "Feedback: request_key_frames",
        "Feedback: request_missing",
        "Feedback: tell_bandwidth",
        "Feedback: send_reports",
        "Protect: pace",
        "Protect: hold_back",
        "Protect: stamp_departures",
        "Protect: send_probes",
        "Emit: publish_events",
    ];
    assert_eq!(Room::new().engine.order(), expected);
}

/// What ran, in order.
#[derive(Resource, Default)]
struct Diary(Vec<(Stage, &'static str)>);

fn write(stage: Stage, name: &'static str) -> impl FnMut(ResMut<'_, Diary>) {
    move |mut diary| diary.0.push((stage, name))
}

#[test]
fn users_systems_run_before_and_after_the_built_in_ones_of_every_stage() {
    let mut room = Room::with(|mut builder| {
        for stage in Stage::IN_ORDER {
            builder = builder
                .add_systems(stage, Slot::After, write(stage, "after"))
                .add_systems(stage, Slot::Before, write(stage, "before"));
        }
        builder
    });
    room.engine.world_mut().init_resource::<Diary>();
    room.tick();
    let both = |stage| [(stage, "before"), (stage, "after")];
    let expected: Vec<_> = Stage::IN_ORDER.into_iter().flat_map(both).collect();
    assert_eq!(room.engine.world().resource::<Diary>().0, expected);
}

#[test]
fn systems_of_one_slot_run_in_the_order_in_which_they_were_added() {
    let plugin = |name: &'static str| {
        move |setup: &mut Setup| {
            setup.world_mut().init_resource::<Diary>();
            setup.add_systems(Stage::Score, Slot::After, write(Stage::Score, name));
        }
    };
    let mut room = Room::with(|builder| {
        let names = ["first", "second", "third"];
        let builder = names
            .into_iter()
            .fold(builder, |builder, name| builder.plugin(plugin(name)));
        builder.add_systems(Stage::Score, Slot::After, write(Stage::Score, "fourth"))
    });
    room.tick();
    let ran: Vec<_> = room.engine.world().resource::<Diary>().0.clone();
    let names: Vec<_> = ran.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["first", "second", "third", "fourth"]);
}

fn yes(mut diary: ResMut<'_, Diary>) {
    diary.0.push((Stage::Score, "yes"));
}

fn no(mut diary: ResMut<'_, Diary>) {
    diary.0.pop();
}

#[test]
fn an_order_that_is_not_stated_is_an_error_that_names_the_systems() {
    let build = Engine::builder()
        .backend(Loopback::new().0)
        .add_systems(Stage::Score, Slot::After, (yes, no))
        .build();
    let Err(BuildError::Order(error)) = build else {
        panic!("the engine builds although the order is not defined");
    };
    assert_eq!((error.stage, error.slot), (Stage::Score, Slot::After));
    let told = error.to_string();
    assert!(told.contains("yes") && told.contains("no"), "{told}");
}

#[test]
fn an_order_that_contradicts_itself_is_an_error() {
    let systems = (yes.before(no), no.before(yes));
    let build = Engine::builder()
        .backend(Loopback::new().0)
        .add_systems(Stage::Score, Slot::After, systems)
        .build();
    assert!(matches!(build, Err(BuildError::Order(_))));
}

#[test]
fn a_stated_order_is_kept() {
    let mut room =
        Room::with(|builder| builder.add_systems(Stage::Score, Slot::After, (no, yes).chain()));
    room.engine.world_mut().init_resource::<Diary>();
    room.tick();
    assert_eq!(room.engine.world().resource::<Diary>().0.len(), 1);
}

#[test]
fn an_engine_without_its_pipeline_ticks_with_the_users_systems_alone() {
    let mut engine = Engine::builder()
        .backend(Loopback::new().0)
        .without_pipeline()
        .add_systems(Stage::Forward, Slot::Before, yes)
        .build()
        .unwrap();
    engine.world_mut().init_resource::<Diary>();
    for tick in 1..=3 {
        engine.tick(Time::from_millis(tick)).unwrap();
    }
    assert_eq!(engine.world().resource::<Diary>().0.len(), 3);
    assert_eq!(engine.order(), ["Forward: yes"]);
    assert_eq!(engine.ticks(), 3);
}
