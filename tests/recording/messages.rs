//! Runs with messages.

use std::time::Duration;

use flumen::{Message, SctpOptions};
use flumen_sim::Loss;
use flumen_tests::disk::{Disk, replay};
use flumen_tests::{GOOD, Trunk};

#[test]
fn messages_over_sctp_and_on_direct_transports_replay() {
    let disk = Disk::default();
    let record = |builder: flumen::Builder| builder.record_to(disk.clone());
    let mut trunk = Trunk::with(record, SctpOptions::default());
    trunk.ways.set_link(GOOD.loss(Loss::percent(5)));
    let there = trunk.bridge(0, 0);
    let back = trunk.bridge(1, 0);
    trunk.settle();
    let engine = &mut trunk.rooms[0].engine;
    engine.set_subchannels(there.sends, &[3]).unwrap();
    let mut got = 0;
    for round in 0..40_u8 {
        let long = vec![round; 100 * usize::from(round)];
        let engine = &mut trunk.rooms[0].engine;
        let message = Message::binary(&long);
        engine.send_message(there.data_producer, &message).unwrap();
        let text = Message {
            subchannels: &[3, 4],
            ppid: Some(51),
            ..Message::text("text")
        };
        engine.send_message(there.data_producer, &text).unwrap();
        let engine = &mut trunk.rooms[1].engine;
        let back_again = Message::text("back");
        engine
            .send_message(back.data_producer, &back_again)
            .unwrap();
        trunk.run_for(Duration::from_millis(50));
        got += trunk.rooms[0].messages().len();
    }
    trunk.run_for(Duration::from_secs(5));
    got += trunk.rooms[0].messages().len();
    assert_eq!((got, trunk.rooms[1].messages().len()), (40, 80));
    let file = disk.finish(&mut trunk.rooms[0].engine);
    let ticks = replay(&file).unwrap();
    let bytes: u64 = ticks.iter().map(|tick| tick.outputs.bytes).sum();
    assert!(bytes > 78_000, "{bytes}");
}

/// A message that finds no room is counted, and told, though sending it fails.
#[test]
fn messages_that_find_no_room_are_in_the_recording() {
    let disk = Disk::default();
    let options = SctpOptions {
        sctp_send_buffer_size: Some(10_000),
        ..SctpOptions::default()
    };
    let record = |builder: flumen::Builder| builder.record_to(disk.clone()).state_digest_ticks(1);
    let mut trunk = Trunk::with(record, options);
    let bridge = trunk.bridge(0, 0);
    trunk.settle();
    let room = &mut trunk.rooms[0];
    room.event_names();
    let sent = [(); 12].map(|()| {
        let message = Message::binary(&[0; 1_000]);
        room.engine.send_message_to(bridge.sends, &message).is_ok()
    });
    assert_eq!(sent.iter().filter(|sent| **sent).count(), 10);
    room.tick();
    assert_eq!(room.event_names(), ["sctpsendbufferfull"]);
    trunk.run_for(Duration::from_secs(1));
    replay(&disk.finish(&mut trunk.rooms[0].engine)).unwrap();
}
