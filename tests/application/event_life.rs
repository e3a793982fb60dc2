//! Events are entities: who sees them, and for how long.

use std::sync::{Arc, Mutex};

// The derives of bevy_ecs look for it under its own name.
use flumen::components::Now;
use flumen::ecs as bevy_ecs;
use flumen::ecs::observer::On;
use flumen::ecs::system::{Query, Res, ResMut};
use flumen::ecs::{component::Component, resource::Resource};
use flumen::event::{Ended, Paused, PausedBy, Pending, ScoreChanged, VideoOrientationChanged};
use flumen::rtp_parameters::MediaKind;
use flumen::{Setup, Slot, Stage, Subject};
use flumen_tests::{Call, ORIENTATION, Packet, Room, SSRC, VP8_DELTA_FRAME, address, opus, vp8};

fn oriented(sequence: u16, byte: u8) -> Packet {
    Packet::new(96, sequence, SSRC, VP8_DELTA_FRAME).with_extension(ORIENTATION, &[byte])
}

#[test]
fn an_observer_hears_of_its_entity_alone() {
    let mut room = Room::new();
    let transport = room.plain(address(5_000));
    let [first, second] = [1, 2].map(|ssrc| room.produce(transport, MediaKind::Audio, opus(ssrc)));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let scores = heard.clone();
    room.engine
        .observe(first, move |event: &ScoreChanged| {
            scores.lock().unwrap().push(event.score[0].ssrc);
        })
        .unwrap();
    let pauses = heard.clone();
    let pause = move |_: &Paused| pauses.lock().unwrap().push(0);
    room.engine.observe(first, pause).unwrap();
    let closes = heard.clone();
    let close = move |_: &Ended| closes.lock().unwrap().push(99);
    room.engine.observe(first, close).unwrap();
    for ssrc in [2, 1] {
        room.arrive(transport, &Packet::new(111, 1, ssrc, b"a"));
    }
    room.tick();
    for producer in [second, first] {
        room.engine.pause_producer(producer).unwrap();
        room.engine.close_producer(producer).unwrap();
    }
    assert_eq!(*heard.lock().unwrap(), [1, 0, 99]);
}

#[test]
fn an_observation_ends_when_its_observer_says_so() {
    let mut room = Room::new();
    let transport = room.plain(address(5_000));
    let producer = room.produce(transport, MediaKind::Audio, opus(1));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let [first, second] = ["first", "second"].map(|name| {
        let heard = heard.clone();
        let hear = move |_: &Paused| heard.lock().unwrap().push(name);
        room.engine.observe(producer, hear).unwrap()
    });
    room.engine.pause_producer(producer).unwrap();
    assert!(room.engine.unobserve(first));
    assert!(!room.engine.unobserve(first), "it has ended");
    room.engine.resume_producer(producer).unwrap();
    room.engine.pause_producer(producer).unwrap();
    let mut heard = heard.lock().unwrap().clone();
    // Who of several hears first is nobody's business.
    heard.sort_unstable();
    assert_eq!(heard, ["first", "second", "second"]);
    room.engine.close_producer(producer).unwrap();
    assert!(!room.engine.unobserve(second), "it ended with the producer");
}

/// The events that a user's systems saw, with the millisecond they saw them at.
#[derive(Resource, Default)]
struct Seen(Vec<(&'static str, &'static str, u64)>);

fn watch<E: Component>(
    name: &'static str,
    place: &'static str,
) -> impl FnMut(Query<'_, '_, &E>, ResMut<'_, Seen>, Res<'_, Now>) {
    move |events, mut seen, now| {
        for _ in &events {
            seen.0.push((name, place, now.time.as_millis()));
        }
    }
}

fn watching(setup: &mut Setup) {
    setup.world_mut().init_resource::<Seen>();
    setup.add_systems(
        Stage::Demux,
        Slot::Before,
        watch::<Paused>("pause", "first"),
    );
    setup.add_systems(Stage::Emit, Slot::After, watch::<Paused>("pause", "last"));
    let orientation = watch::<VideoOrientationChanged>;
    setup.add_systems(
        Stage::Demux,
        Slot::Before,
        orientation("orientation", "first"),
    );
    setup.add_systems(Stage::Emit, Slot::After, orientation("orientation", "last"));
}

#[test]
fn an_event_lives_until_the_commands_of_the_next_tick_apply() {
    let mut room = Room::with(|builder| builder.plugin(watching));
    let transport = room.plain(address(5_000));
    let producer = room.produce(transport, MediaKind::Video, vp8(SSRC));
    // Made by a command: systems of the next tick see it. Made by a tick: the end of it does.
    room.arrive(transport, &oriented(1, 1));
    room.tick();
    room.engine.pause_producer(producer).unwrap();
    for _ in 0..3 {
        room.tick();
    }
    let seen = &room.engine.world().resource::<Seen>().0;
    assert_eq!(
        *seen,
        [
            ("orientation", "last", 1),
            ("pause", "first", 2),
            ("pause", "last", 2)
        ]
    );
    let mut events = room.engine.world_mut().query::<&VideoOrientationChanged>();
    assert_eq!(events.iter(room.engine.world()).count(), 0);
}

#[test]
fn events_stay_meaningful_when_their_subject_is_gone() {
    let mut call = Call::audio();
    let entity = call.room.engine.entity(call.producer).unwrap();
    call.room.engine.close_producer(call.producer).unwrap();
    let mut events = call.room.engine.world_mut().query::<&Ended>();
    let found: Vec<_> = events
        .iter(call.room.engine.world())
        .map(|e| (e.about, e.subject))
        .collect();
    assert!(found.contains(&(entity, Subject::Producer(call.producer))));
    assert!(call.room.engine.world().get_entity(entity).is_err());
}

#[test]
fn events_that_nobody_drains_are_dropped_oldest_first() {
    let mut room = Room::with(|builder| builder.events(3));
    let transport = room.direct();
    let producer = room.produce(transport, MediaKind::Audio, opus(1));
    room.engine.drain_events();
    for _ in 0..2 {
        room.engine.pause_producer(producer).unwrap();
        room.engine.resume_producer(producer).unwrap();
    }
    assert_eq!(room.event_names(), ["resume", "pause", "resume"]);
    assert_eq!(room.engine.dropped_events(), 1);
}

#[test]
fn a_noisy_transport_costs_no_other_its_events() {
    for builder in [
        (|builder| builder.events_per_transport(2)) as fn(flumen::Builder) -> flumen::Builder,
        |builder| builder.events(4),
    ] {
        let mut room = Room::with(builder);
        let [quiet, noisy] = [(), ()].map(|()| room.direct());
        let [modest, loud] = [(quiet, 1), (noisy, 2)]
            .map(|(transport, ssrc)| room.produce(transport, MediaKind::Audio, opus(ssrc)));
        room.engine.drain_events();
        room.engine.pause_producer(modest).unwrap();
        for _ in 0..20 {
            room.engine.pause_producer(loud).unwrap();
            room.engine.resume_producer(loud).unwrap();
        }
        room.engine.resume_producer(modest).unwrap();
        let told = room.engine.drain_events();
        let of_modest = told
            .iter()
            .filter(|event| event.subject() == Subject::Producer(modest));
        let names: Vec<_> = of_modest.map(flumen::Event::name).collect();
        assert_eq!(names, ["pause", "resume"]);
        assert!(room.engine.dropped_events() > 0);
    }
}

#[test]
fn what_an_observer_leaves_behind_is_not_slept_on() {
    let mut room = Room::new();
    let transport = room.plain(address(5_000));
    let producer = room.produce(transport, MediaKind::Audio, opus(1));
    let entity = room.engine.entity(producer).unwrap();
    let subject = Subject::Producer(producer);
    let add = move |_: On<'_, '_, ScoreChanged>, mut pending: ResMut<'_, Pending>| {
        let about = entity;
        let by = PausedBy::Owner;
        pending.0.push(Paused { about, subject, by }.into());
    };
    room.engine.world_mut().add_observer(add);
    room.arrive(transport, &Packet::new(111, 1, 1, b"a"));
    room.engine.drain_events();
    room.tick();
    assert_eq!(room.event_names(), ["score"]);
    assert!(room.engine.wants_tick());
    // Nothing else wakes it: without patience it would sleep for ever.
    room.engine.turn(None).unwrap();
    assert_eq!(room.event_names(), ["pause"]);
    assert!(!room.engine.wants_tick());
}
