//! The end of an engine: what waits is sent, everything is closed, and everybody is told.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::thread;
use std::time::Duration;

use flumen::{Event, HandleError, Refusal, Subject};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME};

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

const LONG: Duration = Duration::from_secs(60);

/// A room in which five packets wait for a blocked socket; its local address.
fn with_waiting() -> (Room, SocketAddr) {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, 2_222);
    let receiver = room.plain(address(6_000));
    room.consume(receiver, producer);
    let local = room.local(receiver);
    room.wire.block(local);
    for sequence in 10..15 {
        room.arrive(sender, &Packet::new(96, sequence, 2_222, VP8_KEY_FRAME));
    }
    room.tick();
    assert_eq!(room.engine.waiting(), 5);
    (room, local)
}

#[test]
fn what_waits_is_sent_first() {
    let (room, local) = with_waiting();
    let (engine, wire) = (room.engine, room.wire);
    let remains = thread::scope(|scope| {
        scope.spawn(|| wire.unblock(local));
        engine.shutdown(LONG).unwrap()
    });
    assert_eq!(wire.take_sent().len(), 5);
    assert_eq!((remains.ledger.waiting, remains.ledger.sent), (0, 5));
    remains.ledger.check().unwrap();
}

#[test]
fn what_waits_for_its_turn_is_sent_first() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, 2_222);
    let mut options = Room::own_socket();
    options.pacing_bitrate = NonZeroU64::new(1_000_000);
    let receiver = room.open(options);
    room.join(receiver, address(6_000));
    room.consume(receiver, producer);
    let mut payload = VP8_KEY_FRAME.to_vec();
    payload.resize(1_200, 0);
    for sequence in 10..20 {
        room.arrive(sender, &Packet::new(96, sequence, 2_222, &payload));
    }
    room.tick();
    assert!(room.engine.ledger().paced > 0);
    let remains = room.engine.shutdown(LONG).unwrap();
    assert_eq!((remains.ledger.paced, remains.ledger.sent), (0, 10));
    remains.ledger.check().unwrap();
}

#[test]
fn what_cannot_be_sent_in_time_is_accounted_for() {
    let (room, _) = with_waiting();
    let remains = room.engine.shutdown(Duration::from_millis(5)).unwrap();
    assert!(room.wire.take_sent().is_empty());
    assert_eq!(remains.ledger.refused[Refusal::TransportClosed], 5);
    remains.ledger.check().unwrap();
}

#[test]
fn everything_closes_in_the_documented_order() {
    let mut room = Room::new();
    let socket = room.socket();
    let transport = room.on_socket(socket, address(5_000));
    let producer = room.produce_video(transport, 2_222);
    let consumer = room.consume(transport, producer);
    room.engine.drain_events();
    let router = room.router;
    let remains = room.engine.shutdown(Duration::ZERO).unwrap();
    let told: Vec<_> = remains
        .events
        .iter()
        .map(|event: &Event| (event.name(), event.subject()))
        .collect();
    assert_eq!(
        told,
        [
            ("transportclose", Subject::Producer(producer)),
            ("close", Subject::Producer(producer)),
            ("transportclose", Subject::Consumer(consumer)),
            ("close", Subject::Consumer(consumer)),
            ("routerclose", Subject::Transport(transport)),
            ("close", Subject::Transport(transport)),
            ("close", Subject::Router(router)),
            ("close", Subject::Socket(socket)),
        ]
    );
}

#[test]
fn events_that_nobody_drained_come_before_the_closing_ones() {
    let mut room = Room::new();
    room.direct();
    let remains = room.engine.shutdown(Duration::ZERO).unwrap();
    let names: Vec<_> = remains.events.iter().map(Event::name).collect();
    assert_eq!(names, ["newtransport", "routerclose", "close", "close"]);
}

#[test]
fn requests_made_before_are_served_and_later_ones_refused() {
    let room = Room::new();
    let handle = room.engine.handle();
    let before = handle.request(|engine| engine.ticks()).unwrap();
    room.engine.shutdown(Duration::ZERO).unwrap();
    assert_eq!(before.wait(), Ok(0));
    assert_eq!(handle.request(|_| ()).err(), Some(HandleError::EngineGone));
}

#[test]
fn dropping_an_engine_sends_nothing_and_does_not_wait() {
    let (room, local) = with_waiting();
    let Room { engine, wire, .. } = room;
    wire.unblock(local);
    drop(engine);
    assert!(wire.take_sent().is_empty());
}
