//! What the consumers of a transport get of what its path carries.

use std::time::Duration;

use flumen::components::event::WantedLayersChanged;
use flumen::components::{Demand, find};
use flumen::rtp_parameters::MediaKind;
use flumen::{Event, PreferredLayers};
use flumen_sim::Loss;
use flumen_tests::layered::{LayeredCall, Stacking, Wrapping};
use flumen_tests::meeting::{Encoding, Feedback, Meeting};
use flumen_tests::{Packet, address, bottleneck, opus};

const THREE: [Encoding; 3] = [of(120_000), of(400_000), of(1_200_000)];

const fn of(bitrate: u64) -> Encoding {
    Encoding {
        bitrate,
        temporal: 3,
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The layers that each video has.
fn layers(meeting: &Meeting) -> Vec<Option<(u8, u8)>> {
    let videos = meeting.viewers[0].videos.iter();
    let of = |layers: flumen::ConsumerLayers| (layers.spatial_layer, layers.temporal_layer);
    videos.map(|video| video.layers.map(of)).collect()
}

/// How often the spatial layer of a video changed since the viewer was last told to begin, at most.
fn switches(meeting: &Meeting) -> usize {
    let spatial =
        |change: &(_, Option<flumen::ConsumerLayers>)| change.1.map(|layers| layers.spatial_layer);
    let of = |video: &flumen_tests::meeting::Video| {
        let mut seen: Vec<_> = video.changes.iter().map(spatial).collect();
        seen.dedup();
        seen.len().saturating_sub(1)
    };
    meeting.viewers[0].videos.iter().map(of).max().unwrap_or(0)
}

/// Bits a second that a viewer got within `span`, padding left out.
fn rate_within(meeting: &mut Meeting, span: Duration) -> u64 {
    meeting.viewers[0].begin();
    meeting.paths[0].queued_ms.clear();
    meeting.run(span);
    let viewer = &meeting.viewers[0];
    (viewer.bytes - viewer.padding) * 8 / span.as_secs()
}

#[test]
fn who_connects_after_consuming_gets_all_that_its_link_carries() {
    for feedback in [Feedback::TransportCc, Feedback::Remb] {
        let mut meeting = Meeting::new();
        let camera = meeting.film(&THREE);
        let path = meeting.lay(bottleneck(3_000_000));
        let viewer = meeting.announce(path, Duration::ZERO, feedback);
        meeting.watch(viewer, camera);
        meeting.run(seconds(2));
        let second = meeting.film(&THREE);
        meeting.watch(viewer, second);
        meeting.run(seconds(1));
        meeting.connect(viewer);
        // A probe takes a second; without any, it takes ten.
        meeting.run(seconds(4));
        let found = layers(&meeting);
        assert_eq!(found, [Some((2, 2)); 2], "{feedback:?}");
    }
}

#[test]
fn one_five_and_twenty_consumers_fill_their_link_by_priority() {
    // How many, bits a second of the link.
    for (count, rate) in [(1, 900_000), (5, 3_000_000), (20, 6_000_000)] {
        let mut meeting = Meeting::of(count, &THREE, bottleneck(rate));
        for (index, video) in meeting.viewers[0].videos.iter().enumerate() {
            let priority = if index == count - 1 { 8 } else { 1 };
            meeting
                .room
                .engine
                .set_priority(video.consumer, priority)
                .unwrap();
        }
        meeting.run(seconds(40));
        let used = rate_within(&mut meeting, seconds(40)) * 100 / rate;
        let viewer = &meeting.viewers[0];
        let queued = &mut meeting.paths[0].queued_ms;
        queued.sort_unstable();
        let settled = queued[queued.len() * 95 / 100];
        let name = format!(
            "{count} at {rate}: {used} %, {settled} ms, {:?}",
            layers(&meeting)
        );
        // Layers come in steps: one video can use 86 percent of this link at most.
        assert!(used >= if count == 1 { 70 } else { 80 }, "{name}");
        assert!(settled <= 100, "{name}");
        assert!(viewer.overflowed * 100 < viewer.sent, "{name}");
        assert!(switches(&meeting) <= 2, "{name}, {}", switches(&meeting));
        let layers = layers(&meeting);
        assert!(layers.iter().all(|one| *one <= layers[count - 1]), "{name}");
        assert!(layers.iter().all(Option::is_some), "{name}");
    }
}

#[test]
fn encodings_that_cost_more_than_higher_ones_hide_none_of_them() {
    let falling = [THREE[2], THREE[1], THREE[0]];
    let mut meeting = Meeting::of(1, &falling, bottleneck(700_000));
    meeting.run(seconds(20));
    assert_eq!(layers(&meeting), [Some((2, 2))]);
    assert_eq!(meeting.viewers[0].overflowed, 0);
}

#[test]
fn another_priority_is_another_share_at_once() {
    let mut meeting = Meeting::of(2, &THREE, bottleneck(1_500_000));
    meeting.run(seconds(30));
    let consumer = meeting.viewers[0].videos[1].consumer;
    meeting.room.engine.set_priority(consumer, 200).unwrap();
    meeting.run(seconds(3));
    let found = layers(&meeting);
    assert!(found[1] > found[0], "{found:?}");
}

#[test]
fn layers_that_stand_alone_are_not_asked_for_with_those_below() {
    // What is wanted, in percent of what is sent, with the headers of that.
    let [full, key, alone] = [Stacking::Full, Stacking::Key, Stacking::Alone].map(|stacking| {
        let mut call = LayeredCall::svc(Wrapping::Av1, stacking, 1).begun();
        call.run(150);
        let world = call.room.engine.world();
        let receiver = find(world, call.receiver).unwrap();
        let demand = world.get::<Demand>(receiver).unwrap();
        demand.layers.unwrap() * 100 / demand.forwarded
    });
    let is_alike = |found: u64| full.abs_diff(found) < 15;
    assert!(
        is_alike(key) && is_alike(alone),
        "{full}, {key} and {alone} percent"
    );
}

#[test]
fn who_pauses_or_leaves_makes_room_for_the_others() {
    let mut meeting = Meeting::of(3, &THREE, bottleneck(1_500_000));
    meeting.run(seconds(20));
    let before = layers(&meeting)[0];
    let (second, third) = (
        meeting.viewers[0].videos[1].consumer,
        meeting.viewers[0].videos[2].consumer,
    );
    meeting.room.engine.pause_consumer(second).unwrap();
    meeting.room.engine.close_consumer(third).unwrap();
    meeting.run(seconds(12));
    assert!(layers(&meeting)[0] > before, "{:?}", layers(&meeting));
}

#[test]
fn audio_leaves_layers_the_rest() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(1_000_000));
    let engine = &mut meeting.room;
    let sender = engine.plain(address(4_000));
    let audio = engine.produce(sender, MediaKind::Audio, opus(7));
    let receiver = meeting.viewers[0].transport;
    meeting.room.consume(receiver, audio);
    let mut number = 0;
    // 400 kbit/s of audio leave room for all of the second encoding, and no more.
    meeting.run_with(seconds(30), |meeting| {
        if meeting.room.now.as_millis() % 20 == 0 {
            number += 1;
            let packet = Packet::new(111, number, 7, &[1; 960]);
            meeting.room.arrive(sender, &packet);
        }
    });
    let found = layers(&meeting)[0].unwrap();
    assert!(((1, 2)..=(2, 0)).contains(&found), "{found:?}");
}

#[test]
fn an_encoding_that_comes_back_moves_nobody_whose_path_is_too_narrow() {
    let far = [of(120_000), of(1_200_000)];
    let mut meeting = Meeting::of(1, &far, bottleneck(150_000));
    meeting.run(seconds(20));
    for away in [3, 4, 6, 20] {
        for (is_live, span) in [(false, away), (true, 6)] {
            meeting.cameras[0].sources[1].is_live = is_live;
            meeting.viewers[0].begin();
            meeting.run(seconds(span));
            let changes = &meeting.viewers[0].videos[0].changes;
            let is_lowest = |layers: &flumen::ConsumerLayers| layers.spatial_layer == 0;
            let all_lowest = changes
                .iter()
                .all(|it| it.1.as_ref().is_some_and(is_lowest));
            assert!(all_lowest, "{away} s, live {is_live}: {changes:?}");
        }
    }
}

#[test]
fn where_nothing_is_told_of_the_path_nothing_is_limited() {
    let mut meeting = Meeting::with(|builder| builder);
    let camera = meeting.film(&THREE);
    let path = meeting.lay(bottleneck(50_000_000));
    meeting.join(path, Duration::ZERO, Feedback::None);
    let producer = meeting.cameras[camera].producer;
    let mut capabilities = meeting.room.capabilities();
    capabilities.header_extensions.clear();
    let options = flumen::ConsumerOptions::new(producer, capabilities);
    let receiver = meeting.viewers[0].transport;
    let consumer = meeting.room.engine.consume(receiver, options).unwrap();
    meeting.run(seconds(5));
    let found = meeting.room.engine.current_layers(consumer).unwrap();
    assert_eq!(found.map(|layers| layers.spatial_layer), Some(2));
}

#[test]
fn a_lowest_layer_that_has_no_room_is_sent_all_the_same() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(50_000));
    meeting.run(seconds(30));
    assert_eq!(layers(&meeting), [Some((0, 0))]);
    let got = rate_within(&mut meeting, seconds(10));
    assert!(got > 25_000, "{got}");
}

#[test]
fn lowest_layers_that_are_too_many_do_not_drown_each_other() {
    // How many, of which bitrate. Two fifths are the lowest rate: a fifth more than the link carries.
    for (count, bitrate) in [(5, 600_000), (20, 150_000)] {
        let mut meeting = Meeting::of(count, &[of(bitrate)], bottleneck(1_000_000));
        let first = meeting.viewers[0].videos[count - 1].consumer;
        meeting.room.engine.set_priority(first, 8).unwrap();
        meeting.run(seconds(60));
        let used = rate_within(&mut meeting, seconds(120)) / 10_000;
        let viewer = &meeting.viewers[0];
        let queued = &mut meeting.paths[0].queued_ms;
        queued.sort_unstable();
        let settled = queued[queued.len() * 95 / 100];
        let live = layers(&meeting).iter().flatten().count();
        let frozen = viewer.videos[count - 1].frozen(meeting.room.now);
        let lost = viewer.overflowed * 10_000 / viewer.sent;
        let name = format!(
            "{count}: {used} %, {settled} ms, lost {lost}, {live} live, {frozen} ms, {} changes",
            switches(&meeting)
        );
        assert!(lost < 100, "{name}");
        assert!(used >= 70, "{name}");
        assert!(settled <= 100, "{name}");
        assert!(live >= count * 3 / 5, "{name}");
        assert!(frozen < 2_000, "{name}");
        meeting.paths[0].change(|link| link.rate(4_000_000));
        meeting.run(seconds(10));
        assert!(layers(&meeting).iter().all(Option::is_some), "{name}");
    }
}

#[test]
fn a_video_that_had_no_room_is_back_within_ten_seconds() {
    for lowest_always in [true, false] {
        let path = bottleneck(50_000);
        let configure = |builder: flumen::Builder| builder.lowest_layer_always(lowest_always);
        let mut meeting = Meeting::of_with(1, &[of(300_000), of(900_000)], path, configure);
        meeting.run(seconds(30));
        assert_eq!(layers(&meeting)[0].is_some(), lowest_always);
        meeting.paths[0].change(|link| link.rate(1_000_000));
        meeting.run(seconds(10));
        assert!(layers(&meeting)[0].is_some(), "{:?}", layers(&meeting));
    }
}

#[test]
fn a_capacity_around_a_layer_does_not_make_it_flap() {
    for lowest_always in [true, false] {
        let configure = |builder: flumen::Builder| builder.lowest_layer_always(lowest_always);
        let path = bottleneck(440_000);
        let mut meeting = Meeting::of_with(1, &THREE[..2], path, configure);
        let mut run = |span: u64| {
            for part in 0..span / 5 {
                let rate = if part % 2 == 0 { 440_000 } else { 360_000 };
                meeting.paths[0].change(|link| link.rate(rate));
                meeting.run(seconds(5));
            }
            let count = switches(&meeting);
            meeting.viewers[0].begin();
            count
        };
        run(60);
        let count = run(120);
        assert!(count <= 4, "{count} switches in two minutes");
    }
}

#[test]
fn a_demand_that_wavers_is_not_probed_for() {
    let mut meeting = Meeting::of(2, &THREE, bottleneck(6_000_000));
    meeting.run(seconds(20));
    let full = Some((2, 2));
    assert_eq!(layers(&meeting), [full, full]);
    meeting.viewers[0].begin();
    for second in 0..40_u64 {
        for camera in &mut meeting.cameras {
            camera.sources[2].is.bitrate = 1_104_000 + second * 37 % 5 * 48_000;
        }
        meeting.run(seconds(1));
    }
    assert_eq!(meeting.viewers[0].padding, 0);
    assert_eq!(
        (layers(&meeting), switches(&meeting)),
        (vec![full, full], 0)
    );
}

#[test]
fn an_estimate_just_above_a_layer_is_enough() {
    // Headers and key frames make 1.2 Mbit/s a little more.
    let mut meeting = Meeting::of(1, &THREE, bottleneck(1_330_000));
    meeting.run(seconds(60));
    assert_eq!(layers(&meeting), [Some((2, 2))]);
}

#[test]
fn lowest_layers_keep_to_what_a_path_is_believed_to_carry_where_that_is_wanted() {
    let configure = |builder: flumen::Builder| builder.lowest_layer_always(false);
    let path = bottleneck(300_000);
    let mut meeting = Meeting::of_with(20, &THREE[..1], path, configure);
    for _ in 0..8 {
        meeting.run(seconds(5));
        // Two fifths of 120 kbit/s are the lowest rate.
        let given = 48_000 * layers(&meeting).iter().flatten().count() as u64;
        let available = meeting.available(0);
        assert!(
            given > 0 && given <= available * 115 / 100,
            "{given} of {available}"
        );
    }
}

#[test]
fn a_bursty_share_is_never_suspended() {
    let configure = |builder: flumen::Builder| builder.lowest_layer_always(false);
    let path = bottleneck(2_780_000);
    let mut meeting = Meeting::of_with(1, &[of(1_350_000)], path, configure);
    meeting.run(seconds(10));
    meeting.viewers[0].begin();
    for second in 0..60_u64 {
        // A still picture, and then a page that is turned.
        let bitrate = if second % 4 == 3 { 2_200_000 } else { 100_000 };
        meeting.cameras[0].sources[0].is.bitrate = bitrate;
        meeting.run(seconds(1));
    }
    let changes = &meeting.viewers[0].videos[0].changes;
    assert!(
        changes.iter().all(|(_, layers)| layers.is_some()),
        "{changes:?}"
    );
}

#[test]
fn a_video_comes_back_whatever_stopped_it_and_in_whatever_order() {
    let configure = |builder: flumen::Builder| builder.lowest_layer_always(false);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let path = bottleneck(1_000_000);
        let mut meeting = Meeting::of_with(1, &[of(300_000)], path, configure);
        meeting.run(seconds(10));
        let (consumer, camera) = (meeting.viewers[0].videos[0].consumer, 0);
        let set = |meeting: &mut Meeting, what: u8, is_stopped: bool| match (what, is_stopped) {
            (0, _) => {
                let rate = if is_stopped { 40_000 } else { 1_000_000 };
                meeting.paths[0].change(|link| link.rate(rate));
            }
            (1, _) => meeting.cameras[camera].sources[0].is_live = !is_stopped,
            (_, true) => meeting.room.engine.pause_consumer(consumer).unwrap(),
            (_, false) => meeting.room.engine.resume_consumer(consumer).unwrap(),
        };
        for what in order {
            set(&mut meeting, what, true);
            meeting.run(seconds(6));
        }
        for what in order {
            set(&mut meeting, what, false);
            meeting.run(seconds(2));
        }
        meeting.run(seconds(10));
        assert_eq!(layers(&meeting), [Some((0, 2))], "{order:?}");
    }
}

#[test]
fn loss_at_random_does_not_make_layers_flap() {
    for percent in [6, 7, 8, 10] {
        let path = bottleneck(5_000_000).loss(Loss::percent(percent));
        let mut meeting = Meeting::of(1, &THREE, path);
        meeting.run(seconds(30));
        meeting.viewers[0].begin();
        meeting.run(seconds(60));
        let (switches, layers) = (switches(&meeting), layers(&meeting));
        assert!(switches <= 2, "{percent} %: {switches}");
        assert!(layers[0] >= Some((2, 0)), "{percent} %: {layers:?}");
    }
}

#[test]
fn loss_at_random_keeps_nobody_at_the_lowest_layers_of_many() {
    let path = bottleneck(50_000_000).loss(Loss::percent(8));
    let mut meeting = Meeting::of(20, &THREE, path);
    meeting.run(seconds(60));
    let layers = layers(&meeting);
    let high = layers.iter().filter(|layers| **layers >= Some((1, 0)));
    assert!(high.count() >= 15, "{layers:?}, {}", meeting.available(0));
}

#[test]
fn after_a_long_pause_a_path_is_what_it_was() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(3_000_000));
    meeting.run(seconds(20));
    let (before, consumer) = (meeting.available(0), meeting.viewers[0].videos[0].consumer);
    meeting.room.engine.pause_consumer(consumer).unwrap();
    meeting.run(seconds(1));
    meeting.run(seconds(120));
    let after = meeting.available(0);
    assert!(after >= before * 3 / 4, "{after} of {before}");
    meeting.room.engine.resume_consumer(consumer).unwrap();
    meeting.run(seconds(2));
    assert_eq!(layers(&meeting)[0].map(|layers| layers.0), Some(2));
}

/// What was told to be wanted of a producer since the last call, as (encoding, temporal layer).
fn wanted(meeting: &mut Meeting) -> Vec<Vec<(u8, u8)>> {
    let told = |event: Event| match event {
        Event::WantedLayersChanged(WantedLayersChanged { layers, .. }) => Some(
            layers
                .iter()
                .map(|layer| (layer.encoding_idx, layer.temporal_layer))
                .collect(),
        ),
        _ => None,
    };
    meeting.events.drain(..).filter_map(told).collect()
}

#[test]
fn senders_are_told_which_layers_nobody_wants() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(10_000_000));
    meeting.run(seconds(6));
    assert!(wanted(&mut meeting).is_empty(), "all of them are wanted");
    let consumer = meeting.viewers[0].videos[0].consumer;
    let prefer = |spatial_layer, temporal_layer| PreferredLayers {
        spatial_layer,
        temporal_layer: Some(temporal_layer),
    };
    let engine = &mut meeting.room.engine;
    engine.set_preferred_layers(consumer, prefer(1, 0)).unwrap();
    meeting.run(Duration::from_millis(4_900));
    assert!(
        wanted(&mut meeting).is_empty(),
        "it may be wanted again soon"
    );
    meeting.run(Duration::from_millis(200));
    let json: Vec<_> = meeting
        .events
        .iter()
        .filter(|event| event.name() == "wantedlayers")
        .map(|event| serde_json::to_value(event).unwrap()["data"].clone())
        .collect();
    let expected = serde_json::json!([[
        { "encodingIdx": 0, "spatialLayer": 0, "temporalLayer": 0 },
        { "encodingIdx": 1, "spatialLayer": 0, "temporalLayer": 0 },
    ]]);
    assert_eq!(serde_json::Value::from(json), expected);
    meeting.events.clear();
    // Who joins wants all, at once.
    meeting.watch(0, 0);
    meeting.run(Duration::from_millis(10));
    assert_eq!(wanted(&mut meeting), [vec![(0, 2), (1, 2), (2, 2)]]);
    let second = meeting.viewers[0].videos[1].consumer;
    meeting.room.engine.close_consumer(second).unwrap();
    meeting.run(seconds(6));
    assert_eq!(wanted(&mut meeting), [vec![(0, 0), (1, 0)]]);
    meeting.room.engine.pause_consumer(consumer).unwrap();
    meeting.run(seconds(6));
    assert_eq!(wanted(&mut meeting), [Vec::new()]);
    meeting.room.engine.resume_consumer(consumer).unwrap();
    meeting.run(Duration::from_millis(10));
    assert_eq!(wanted(&mut meeting), [vec![(0, 0), (1, 0)]]);
}

#[test]
fn what_a_path_does_not_carry_is_wanted_all_the_same() {
    let mut meeting = Meeting::of(1, &THREE, bottleneck(200_000));
    meeting.run(seconds(20));
    assert!(layers(&meeting)[0] < Some((2, 0)));
    assert!(wanted(&mut meeting).is_empty());
}

#[test]
fn a_receiver_may_tell_of_packets_by_their_own_numbers() {
    let mut meeting = Meeting::told_by(Feedback::CongestionControl, &THREE, bottleneck(900_000));
    meeting.run(seconds(30));
    let believed = [(); 20].map(|()| {
        meeting.run(seconds(1));
        meeting.available(0)
    });
    let available = believed.iter().sum::<u64>() / 20;
    assert!((765_000..=950_000).contains(&available), "{believed:?}");
    assert!(
        layers(&meeting)[0] >= Some((2, 0)),
        "{:?}",
        layers(&meeting)
    );
    meeting.paths[0].change(|link| link.rate(300_000));
    meeting.run(seconds(5));
    assert!(meeting.available(0) <= 310_000, "{}", meeting.available(0));
    meeting.paths[0].change(|link| link.loss(Loss::percent(10)));
    // What is told is of the last packets, which are few.
    let told = [(); 20].map(|()| {
        meeting.run(seconds(1));
        let viewer = meeting.viewers[0].transport;
        let stats = meeting.room.engine.transport_stats(viewer).unwrap();
        stats.rtp_packet_loss_sent.unwrap()
    });
    let loss = told.iter().sum::<f64>() / 20.0;
    assert!((0.05..0.15).contains(&loss), "{told:?}");
}

#[test]
fn a_receiver_that_tells_bitrates_is_tried_with_more_than_it_gets() {
    let mut meeting = Meeting::told_by(Feedback::Remb, &THREE, bottleneck(3_000_000));
    meeting.run(seconds(30));
    assert_eq!(layers(&meeting), [Some((2, 2))]);
    meeting.viewers[0].begin();
    meeting.run(seconds(10));
    assert_eq!(meeting.viewers[0].padding, 0, "it has all it wishes for");
}
