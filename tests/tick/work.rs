//! An engine tells what its stages do and what waits inside it.

use flumen::{Engine, Loopback, Queues, Stage, StageWork, TransportId};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, address};

const SSRC: u32 = 2_222;

fn rows_of(work: StageWork) -> (u64, u64) {
    (work.rows, work.runs)
}

/// Video from a transport to three others.
fn room() -> (Room, TransportId, [TransportId; 3]) {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, SSRC);
    let receivers = [6_000, 6_001, 6_002].map(|port| room.plain(address(port)));
    for receiver in receivers {
        room.consume(receiver, producer);
    }
    room.tick();
    (room, sender, receivers)
}

fn arrive(room: &mut Room, sender: TransportId, sequences: std::ops::Range<u16>) {
    for sequence in sequences {
        room.arrive(sender, &Packet::new(96, sequence, SSRC, VP8_KEY_FRAME));
    }
    room.tick();
}

#[test]
fn each_stage_tells_what_it_handled() {
    let (mut room, sender, _) = room();
    arrive(&mut room, sender, 10..12);
    let last = |stage| rows_of(room.engine.work().last(stage));
    assert_eq!(last(Stage::Ingest), (2, 0));
    assert_eq!(last(Stage::Receive), (2, 0));
    assert_eq!(last(Stage::Forward), (6, 0));
    let left = room.engine.ledger().sent;
    // Two packets to each of three receivers, and the engine's own to the sender.
    let (rows, runs) = last(Stage::Flush);
    assert_eq!(rows, left);
    assert!((3..rows).contains(&runs), "{rows} rows in {runs} runs");
}

#[test]
fn a_quiet_tick_handles_nothing_and_the_sum_stays() {
    let (mut room, sender, _) = room();
    arrive(&mut room, sender, 10..12);
    let before = room.engine.work().total(Stage::Forward);
    room.tick();
    let work = room.engine.work();
    for stage in Stage::IN_ORDER {
        assert_eq!(rows_of(work.last(stage)), (0, 0), "{stage}");
    }
    assert_eq!(rows_of(work.total(Stage::Forward)), rows_of(before));
}

#[test]
fn who_goes_on_from_a_snapshot_tells_what_it_handled_itself() {
    let (mut room, sender, _) = room();
    arrive(&mut room, sender, 10..12);
    let snapshot = room.engine.snapshot().unwrap();
    let (backend, _) = Loopback::new();
    let mut engine = Engine::builder()
        .backend(backend)
        .restore(&snapshot)
        .unwrap();
    engine.tick(engine.now()).unwrap();
    let work = engine.work();
    assert_eq!(work.last(Stage::Forward).rows, 0);
    assert_eq!(work.total(Stage::Forward).rows, 6);
}

#[test]
fn every_tick_is_in_the_histogram_of_their_times() {
    let (room, ..) = room();
    let times = room.engine.work().tick_times();
    assert_eq!(times.ticks(), room.engine.ticks());
    let at_most: Vec<_> = times.at_most().collect();
    assert!(at_most.is_sorted(), "{at_most:?}");
}

#[test]
fn what_waits_is_told_until_it_has_left() {
    let (mut room, sender, receivers) = room();
    room.engine.drain_events();
    for receiver in receivers {
        room.wire.block(room.local(receiver));
    }
    arrive(&mut room, sender, 10..11);
    let queues = room.engine.queues();
    assert_eq!(queues.blocked, 3);
    let packet = Packet::new(96, 10, SSRC, VP8_KEY_FRAME).bytes().len() as u64;
    assert!(queues.blocked_bytes >= 3 * packet, "{queues:?}");
    let handle = room.engine.handle();
    let _request = handle.request(|engine| engine.ticks()).unwrap();
    assert_eq!(room.engine.queues().requests, 1);
    for receiver in receivers {
        room.wire.unblock(room.local(receiver));
    }
    room.tick();
    room.engine.drain_events();
    assert_eq!(room.engine.queues(), Queues::default());
}

#[test]
fn what_the_application_does_not_drain_is_told() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce_video(sender, SSRC);
    let direct = room.direct();
    room.consume(direct, producer);
    arrive(&mut room, sender, 10..13);
    let queues = room.engine.queues();
    assert_eq!(queues.deliveries, 3);
    assert!(queues.events > 0, "{queues:?}");
    room.engine.drain_deliveries(|_| {});
    assert_eq!(room.engine.queues().deliveries, 0);
}
