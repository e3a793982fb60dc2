//! An engine with nothing to do does nothing: it sleeps until something is due.

use std::net::SocketAddr;
use std::time::Duration;

use flumen::Time;
use flumen::components::{Consumer, Emission, Listener, Path, Producer, Reception, Score, Traffic};
use flumen::ecs::change_detection::{DetectChanges, Ref};
use flumen::ecs::component::Component;
use flumen::rtp_parameters::MediaKind;
use flumen_tests::{Packet, Room, VP8_DELTA_FRAME, opus, requests_in};

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// How many components of a kind there are, and the newest change of any of them.
fn changes<C: Component>(room: &mut Room) -> (usize, Option<u32>) {
    let world = room.engine.world_mut();
    let mut query = world.query::<Ref<'_, C>>();
    let changed = |component: Ref<'_, C>| component.last_changed().get();
    let all: Vec<u32> = query.iter(world).map(changed).collect();
    (all.len(), all.into_iter().max())
}

fn all_changes(room: &mut Room) -> [(usize, Option<u32>); 8] {
    [
        changes::<Path>(room),
        changes::<Traffic>(room),
        changes::<Listener>(room),
        changes::<Producer>(room),
        changes::<Reception>(room),
        changes::<Score>(room),
        changes::<Consumer>(room),
        changes::<Emission>(room),
    ]
}

#[test]
fn a_tick_in_which_nothing_is_due_touches_none_of_ten_thousand_streams() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let receiver = room.plain(address(6_000));
    for index in 0..10_000 {
        let producer = room.produce(sender, MediaKind::Audio, opus(10_000 + index));
        room.consume(receiver, producer);
        room.arrive(sender, &Packet::new(111, 1, 10_000 + index, b"voice"));
        if index % 256 == 255 {
            room.tick();
        }
    }
    room.tick();
    assert_eq!(room.engine.ledger().sent, 10_000);
    let before = all_changes(&mut room);
    assert_eq!(before[4].0, 10_000);
    let reports = room
        .engine
        .next_deadline()
        .expect("reports are due some time");
    while room.now + Duration::from_millis(5) < reports {
        room.tick_after(Duration::from_millis(5));
    }
    assert_eq!(all_changes(&mut room), before);
}

#[test]
fn one_packet_touches_one_stream_of_a_thousand() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    for index in 0..1_000 {
        room.produce(sender, MediaKind::Audio, opus(10_000 + index));
        room.arrive(sender, &Packet::new(111, 1, 10_000 + index, b"voice"));
        if index % 250 == 249 {
            room.tick();
        }
    }
    room.tick();
    let (_, before) = changes::<Reception>(&mut room);
    room.arrive(sender, &Packet::new(111, 2, 10_500, b"voice"));
    room.tick();
    let world = room.engine.world_mut();
    let mut query = world.query::<Ref<'_, Reception>>();
    let touched = query
        .iter(world)
        .filter(|reception| Some(reception.last_changed().get()) > before);
    assert_eq!(touched.count(), 1);
}

#[test]
fn a_sleeping_engine_wakes_for_the_second_key_frame_request_and_not_before() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    room.produce_video(sender, 2_222);
    room.arrive(sender, &Packet::new(96, 1, 2_222, VP8_DELTA_FRAME));
    let asked_at = turn_until_asked(&mut room);
    let ticks = room.engine.ticks();
    let again_at = turn_until_asked(&mut room);
    assert!(again_at - asked_at >= Duration::from_secs(1));
    // It wakes for a report too; and a wait may end a little early and is then taken up again.
    assert!(room.engine.ticks() - ticks <= 5, "it slept");
}

/// Turns the engine until it asks for a key frame; when that was.
fn turn_until_asked(room: &mut Room) -> Time {
    loop {
        room.engine.turn(None).unwrap();
        let sent = room.received();
        if sent
            .iter()
            .any(|datagram| !requests_in(&datagram.bytes).is_empty())
        {
            return room.engine.now();
        }
    }
}

#[test]
fn patience_ends_a_wait() {
    let mut room = Room::new();
    room.tick();
    let before = room.engine.clock();
    room.engine.turn(Some(Duration::from_millis(5))).unwrap();
    assert!(room.engine.clock() - before >= Duration::from_millis(4));
    assert_eq!(room.engine.ticks(), 2);
}

#[test]
fn ticks_on_a_clock_of_the_applications_do_not_make_a_turn_sleep() {
    let mut room = Room::new();
    room.engine.tick(Time::from_secs(1 << 30)).unwrap();
    let before = room.engine.clock();
    room.engine.turn(Some(Duration::from_millis(1))).unwrap();
    assert!(room.engine.clock() - before < Duration::from_secs(10));
}
