//! What becomes of higher layers that were sent when a path comes to carry less.

use std::time::Duration;

use flumen::ConsumerLayers;
use flumen::components::{Layering, Refusal};
use flumen::stats::RtpStats;
use flumen_sim::Queue;
use flumen_tests::bottleneck;
use flumen_tests::layered::LayeredCall;
use flumen_tests::meeting::{Encoding, Meeting};

const THREE: [Encoding; 3] = [of(100_000), of(400_000), of(1_200_000)];

const fn of(bitrate: u64) -> Encoding {
    Encoding {
        bitrate,
        temporal: 3,
    }
}

#[test]
fn what_waits_of_a_higher_layer_is_not_sent_and_nobody_misses_it() {
    // A queue so long that nothing is lost in it.
    let path = bottleneck(3_000_000).queue(Queue::Delay(Duration::from_secs(20)));
    let mut meeting = Meeting::of(5, &THREE, path);
    meeting.run(Duration::from_secs(20));
    let superseded = |meeting: &Meeting| {
        let ledger = meeting.room.engine.ledger();
        ledger.refused[Refusal::Superseded]
    };
    let before = superseded(&meeting);
    meeting.paths[0].change(|link| link.rate(600_000));
    meeting.run(Duration::from_secs(20));
    assert!(superseded(&meeting) > before);
    let viewer = &meeting.viewers[0];
    let is_lower = |layers: ConsumerLayers| layers.spatial_layer < 2;
    for video in &viewer.videos {
        assert!(video.layers.is_some_and(is_lower), "{:?}", video.layers);
        let last = video.shown.last().copied().unwrap();
        assert!(meeting.room.now - last < Duration::from_secs(1), "frozen");
    }
    assert_eq!(viewer.overflowed, 0);
    assert_eq!(viewer.repeated, 0, "a hole was seen, and asked for");
    // And when all that waited has left, nothing but that counts as sent.
    let consumers: Vec<_> = viewer.videos.iter().map(|video| video.consumer).collect();
    let transport = viewer.transport;
    for camera in &mut meeting.cameras {
        camera
            .sources
            .iter_mut()
            .for_each(|source| source.is_live = false);
    }
    meeting.run(Duration::from_secs(2));
    let engine = &meeting.room.engine;
    let sent = |consumer| {
        let stats = engine.consumer_stats(consumer).unwrap();
        let own = stats.iter().filter_map(|stats| match stats {
            RtpStats::Outbound(stats) => Some(stats.stream.byte_count),
            _ => None,
        });
        own.sum::<u64>()
    };
    let counted: u64 = consumers.into_iter().map(sent).sum();
    let left = engine.transport_stats(transport).unwrap();
    assert_eq!(counted, left.rtp_bytes_sent);
}

/// Allows the consumer an encoding, as if its path carried no more.
fn allow(call: &mut LayeredCall, spatial_layer: u8) {
    let world = call.room.engine.world_mut();
    let mut consumers = world.query::<&mut Layering>();
    let mut layering = consumers.single_mut(world).unwrap();
    layering.selection.allow(ConsumerLayers {
        spatial_layer,
        temporal_layer: 0,
    });
}

/// Asks for all that was sent; how many packets have something in them, and how many nothing.
fn ask_for_all(call: &mut LayeredCall) -> (usize, usize) {
    call.room.tick_after(Duration::from_secs(1));
    let numbers: Vec<u16> = call.received.packets().map(|it| it.sequence).collect();
    let again = call.ask(numbers);
    // The number that is repeated (RFC 4588), and nothing behind it.
    let empty = again.iter().filter(|packet| packet.payload.len() == 2);
    let empty = empty.count();
    (again.len() - empty, empty)
}

#[test]
fn a_higher_layer_is_not_sent_again_where_there_is_no_bandwidth_for_it() {
    let mut call = LayeredCall::running(2, 1, 19);
    call.run(10);
    let higher = call.received.count();
    allow(&mut call, 0);
    call.prefer(0, None);
    call.run(20);
    let all = call.received.count();
    let (sent, empty) = ask_for_all(&mut call);
    assert_eq!(sent + empty, all);
    assert!(empty >= higher, "{empty} of {higher}");
    assert!(sent > 0, "what took its place is");
    // There is bandwidth again.
    allow(&mut call, 1);
    assert_eq!(ask_for_all(&mut call), (all, 0));
}
