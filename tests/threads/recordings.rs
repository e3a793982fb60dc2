//! Recordings and snapshots do not know how many threads there were.

use std::time::Duration;

use flumen::srtp::CryptoSuite;
use flumen::{Engine, Loopback, Snapshot};
use flumen_tests::disk::{Disk, replay_with};
use flumen_tests::{Packet, Room, VP8_KEY_FRAME, turn_all};

use crate::house::{House, many};

const GCM: CryptoSuite = CryptoSuite::AeadAes128Gcm;

/// Replays a file on several numbers of threads, and asserts that as much left as did then.
fn replays_on_any_number_of_threads(file: &[u8], left: u64) {
    for threads in [1, 2, 4] {
        let ticks = replay_with(file, |builder| builder.threads(threads)).unwrap();
        let datagrams: u64 = ticks.iter().map(|tick| tick.outputs.datagrams).sum();
        assert_eq!(datagrams, left, "{threads} threads");
    }
}

#[test]
fn a_run_replays_on_any_number_of_threads() {
    for suite in [None, Some(GCM)] {
        for threads in [1, 2] {
            let disk = Disk::default();
            let mut house = House::with(suite, |builder| {
                many(builder, threads).record_to(disk.clone())
            });
            house.live();
            let file = disk.finish(&mut house.room.engine);
            let left = house.room.wire.totals().datagrams;
            replays_on_any_number_of_threads(&file, left);
        }
    }
}

#[test]
fn a_call_of_browsers_replays_on_any_number_of_threads() {
    for threads in [1, 3] {
        let disk = Disk::default();
        let mut room = Room::with(|builder| many(builder, threads).record_to(disk.clone()));
        let (mut peers, ..) = room.browsers();
        for number in 0..200_u16 {
            let packet = Packet::new(96, number, 2_222, VP8_KEY_FRAME);
            peers[0].send(&room, &packet);
            if number % 5 == 4 {
                room.tick_after(Duration::from_millis(5));
                turn_all(&mut room, &mut peers);
            }
        }
        let got: Vec<_> = peers[1].rtp.iter().map(|packet| packet.sequence).collect();
        assert!(got.len() > 150 && got.is_sorted(), "{got:?}");
        let file = disk.finish(&mut room.engine);
        replays_on_any_number_of_threads(&file, room.wire.totals().datagrams);
    }
}

#[test]
fn an_engine_goes_on_from_a_snapshot_on_another_number_of_threads() {
    let goes_on = |before: usize, after: usize| {
        let mut house = House::new(before, Some(GCM));
        house.live();
        house.room.engine.drain_events();
        let snapshot = house.room.engine.snapshot().unwrap().to_bytes();
        let (backend, wire) = Loopback::new();
        let builder = Engine::builder().backend(backend).threads(after);
        let read = Snapshot::from_bytes(&snapshot).unwrap();
        house.room.engine = builder.restore(&read).unwrap();
        house.room.wire = wire;
        house.live_on();
        house.room.left.finish()
    };
    let alone = goes_on(1, 1);
    assert_eq!([goes_on(1, 3), goes_on(3, 1)], [alone; 2]);
}
