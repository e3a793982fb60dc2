//! Associations with nothing to say cost nothing.

use std::time::Duration;

use flumen::components::SctpAssociation;
use flumen::components::{Deadlines, Path, SctpSchedule, SctpStreams, Traffic};
use flumen::ecs::change_detection::{DetectChanges, Ref};
use flumen::ecs::component::Component;
use flumen::{ConnectOptions, Message, SctpOptions, SctpState, SctpStreamParameters, TransportId};
use flumen_tests::{Room, Trunk};

/// A room with `pairs` of transports whose associations are connected with each other.
fn connected(pairs: usize) -> (Room, Vec<TransportId>) {
    let mut room = Room::new();
    let transports: Vec<_> = (0..2 * pairs)
        .map(|_| room.plain_sctp(SctpOptions::default()))
        .collect();
    for pair in transports.chunks(2) {
        for (one, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            let remote = room.local(other);
            let to = ConnectOptions {
                ip: Some(remote.ip()),
                port: Some(remote.port()),
                ..ConnectOptions::default()
            };
            room.engine.connect(one, &to).unwrap();
        }
        room.receive_stream(pair[0], SctpStreamParameters::new(0));
    }
    // Long enough for the timers of the handshake to have fired.
    for _ in 0..1_000 {
        loop_back(&mut room);
    }
    (room, transports)
}

/// What the room sends arrives at itself.
fn loop_back(room: &mut Room) {
    room.tick_after(Duration::from_millis(10));
    for datagram in room.received() {
        room.wire
            .inject(datagram.to, datagram.from, &datagram.bytes);
    }
}

/// The newest change of any component of a kind.
fn newest<C: Component>(room: &mut Room) -> Option<u32> {
    let world = room.engine.world_mut();
    let mut query = world.query::<Ref<'_, C>>();
    let changes = query.iter(world).map(|it| it.last_changed().get());
    changes.max()
}

fn changes(room: &mut Room) -> [Option<u32>; 5] {
    [
        newest::<SctpAssociation>(room),
        newest::<SctpSchedule>(room),
        newest::<SctpStreams>(room),
        newest::<Path>(room),
        newest::<Traffic>(room),
    ]
}

#[test]
fn a_tick_in_which_nothing_is_due_touches_none_of_a_thousand_associations() {
    let (mut room, transports) = connected(500);
    let engine = &room.engine;
    let state = |&it: &TransportId| engine.sctp_state(it) == Ok(Some(SctpState::Connected));
    assert!(transports.iter().all(state));
    let due = engine.next_deadline().unwrap();
    assert!(due.since(room.now) > Duration::from_secs(1), "no heartbeat");
    let before = changes(&mut room);
    assert!(before[0].is_some());
    for _ in 0..50 {
        room.tick_after(Duration::from_millis(10));
    }
    assert_eq!(changes(&mut room), before);
    assert!(room.received().is_empty());
}

#[test]
fn they_stay_connected_for_an_hour() {
    let (mut room, transports) = connected(3);
    let end = room.now + Duration::from_secs(3_600);
    let mut ticks = 0;
    while room.now < end {
        loop_back(&mut room);
        let due = room.engine.next_deadline().unwrap_or(end).min(end);
        room.now = room.now.max(due);
        ticks += 1;
    }
    let engine = &room.engine;
    let state = |&it: &TransportId| engine.sctp_state(it) == Ok(Some(SctpState::Connected));
    assert!(transports.iter().all(state));
    assert!(ticks < 20_000, "{ticks} ticks in an hour");
}

#[test]
fn what_was_said_wakes_nobody_later() {
    let mut trunk = Trunk::new();
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    for _ in 0..100 {
        let said = Message::text("x");
        let sent = (trunk.rooms[0].engine).send_message(bridge.data_producer, &said);
        sent.expect("it is taken");
        trunk.run_for(Duration::from_millis(250));
    }
    trunk.run_for(Duration::from_secs(2));
    let mut fired = 0;
    let end = trunk.rooms[0].now + Duration::from_secs(45);
    loop {
        let engine = &mut trunk.rooms[0].engine;
        fired += engine.world_mut().resource::<Deadlines>().fired().len();
        match engine.next_deadline() {
            Some(due) if due < end => trunk.tick(due),
            _ => break,
        }
    }
    // Heartbeats, and the timers of what they are answered with.
    assert!(fired <= 8, "{fired}");
}
