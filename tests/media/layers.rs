//! What packets say of their frames is known from their arrival on.

use std::time::Duration;

use flumen::components::{LayerActivity, LayerRates};
use flumen::rtp_parameters::{MediaKind, RtpHeaderExtensionParameters, RtpParameters};
use flumen::trace::TraceType;
use flumen::{Event, ProducerId, TransportId};
use flumen_tests::{Packet, Room, SSRC, address, video, vp8_rtx, with_retransmissions};
use serde_json::{Value, json};

/// The identifier under which dependency descriptors come.
const DEPENDENCIES: u8 = 12;

/// A producer alone: layered ones have no consumers yet.
struct Stage {
    room: Room,
    sender: TransportId,
    producer: ProducerId,
}

impl Stage {
    fn of(parameters: RtpParameters) -> Self {
        let mut room = Room::new();
        let sender = room.plain(address(5_000));
        let producer = room.produce(sender, MediaKind::Video, parameters);
        room.engine.drain_events();
        Self {
            room,
            sender,
            producer,
        }
    }

    /// Traces every packet from now on.
    fn traced(mut self) -> Self {
        let traced = &[TraceType::Rtp];
        let engine = &mut self.room.engine;
        engine.trace_producer(self.producer, traced).unwrap();
        self
    }

    fn send(&mut self, packets: &[Packet]) {
        for packet in packets {
            self.room.arrive(self.sender, packet);
        }
        self.room.tick();
    }

    /// The sequence numbers and layers of what was traced since the last call.
    fn traced_layers(&mut self) -> Vec<(u64, u64, u64)> {
        let events = self.room.engine.drain_events();
        let traces = events.iter().filter(|event| event.name() == "trace");
        let layers = |event| {
            let trace: Value = serde_json::to_value(event).unwrap();
            let info = &trace["data"]["info"];
            let number = |name: &str| info[name].as_u64().unwrap();
            (
                number("sequenceNumber"),
                number("spatialLayer"),
                number("temporalLayer"),
            )
        };
        traces.map(layers).collect()
    }
}

fn layered(codec: &str, mode: &str) -> RtpParameters {
    let mut parameters = video(codec, SSRC);
    parameters.encodings[0].scalability_mode = Some(mode.into());
    parameters
}

fn with_dependencies(mut parameters: RtpParameters) -> RtpParameters {
    let uri =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    let extension = RtpHeaderExtensionParameters::new(uri, DEPENDENCIES);
    parameters.header_extensions.push(extension);
    parameters
}

/// A VP9 packet of a layer: L, B and E set, P clear.
fn vp9(sequence: u16, spatial: u8, temporal: u8) -> Packet {
    let payload = [0x2C, temporal << 5 | spatial << 1, 0, 0x82];
    Packet::new(96, sequence, SSRC, &payload)
}

#[test]
fn traces_tell_the_layers_of_vp9() {
    let mut stage = Stage::of(layered("VP9", "L3T3")).traced();
    stage.send(&[vp9(1, 0, 0), vp9(2, 1, 0), vp9(3, 2, 2)]);
    assert_eq!(stage.traced_layers(), [(1, 0, 0), (2, 1, 0), (3, 2, 2)]);
}

#[test]
fn traces_tell_the_temporal_layer_of_vp8() {
    let mut stage = Stage::of(layered("VP8", "L1T3")).traced();
    // X S, T: the layer in the high bits; an inter frame.
    let vp8 =
        |sequence, temporal: u8| Packet::new(96, sequence, SSRC, &[0x90, 0x20, temporal << 6, 1]);
    stage.send(&[vp8(1, 2), vp8(2, 0)]);
    assert_eq!(stage.traced_layers(), [(1, 0, 2), (2, 0, 0)]);
}

/// Frame 1, with templates S0T0, S0T1, S1T0.
const KEYED: [u8; 6] = [0x80, 0, 1, 0x80, 0, 0b0110_1100];

fn av1(sequence: u16, dependencies: &[u8]) -> Packet {
    Packet::new(96, sequence, SSRC, &[0x10, 1]).with_extension(DEPENDENCIES, dependencies)
}

#[test]
fn layers_of_av1_follow_the_templates_of_an_earlier_packet() {
    let mut stage = Stage::of(with_dependencies(layered("AV1", "L2T2"))).traced();
    stage.send(&[av1(1, &[2, 0, 0]), av1(2, &KEYED), av1(3, &[1, 0, 2])]);
    stage.send(&[av1(4, &[2, 0, 3]), av1(5, &[7, 0, 4])]);
    let expected = [(1, 0, 0), (2, 0, 0), (3, 0, 1), (4, 1, 0), (5, 0, 0)];
    assert_eq!(stage.traced_layers(), expected);
}

/// Frame 1, with templates S0T0, S0T1, S0T2.
const KEYED_IN_TIME: [u8; 6] = [0x80, 0, 1, 0x80, 0, 0b0101_1100];

#[test]
fn layers_of_vp8_are_told_where_its_own_descriptor_is_empty() {
    let mut stage = Stage::of(with_dependencies(layered("VP8", "L1T3"))).traced();
    // S alone, as a browser that sends the dependency descriptor leaves it.
    let vp8 = |sequence, first: u8, dependencies: &[u8]| {
        let packet = Packet::new(96, sequence, SSRC, &[0x10, first]);
        packet.with_extension(DEPENDENCIES, dependencies)
    };
    stage.send(&[vp8(1, 0, &KEYED_IN_TIME), vp8(2, 1, &[2, 0, 2])]);
    stage.send(&[vp8(3, 1, &[1, 0, 3])]);
    assert_eq!(stage.traced_layers(), [(1, 0, 0), (2, 0, 2), (3, 0, 1)]);
    // 26 and 22 bytes in 2.5 seconds: 83.2 and 70.4 bits a second.
    let by_layer = json!({"0.0": 83, "0.1": 153, "0.2": 223});
    assert_eq!(bitrates(&stage), (by_layer, 223));
}

#[test]
fn a_retransmission_brings_the_templates_that_were_lost() {
    let parameters = with_retransmissions(layered("AV1", "L2T2"));
    let mut stage = Stage::of(with_dependencies(parameters)).traced();
    stage.send(&[av1(1, &[1, 0, 0]), av1(3, &[1, 0, 2])]);
    // Sequence number 2, behind the two bytes that tell it (RFC 4588).
    let again = Packet::new(97, 1, SSRC + 1, &[0, 2, 0x10, 1]).with_extension(DEPENDENCIES, &KEYED);
    stage.send(&[again, av1(4, &[1, 0, 3])]);
    let expected = [(1, 0, 0), (3, 0, 0), (2, 0, 0), (4, 0, 1)];
    assert_eq!(stage.traced_layers(), expected);
}

#[test]
fn a_descriptor_of_an_unknown_payload_type_is_not_read() {
    let mut stage = Stage::of(vp8_rtx(vec![flumen_tests::encoding_of(SSRC)])).traced();
    stage.send(&[
        Packet::new(96, 1, SSRC, &[0x90, 0x20, 0x80, 1]),
        // The stream's SSRC with the payload type of its retransmissions.
        Packet::new(97, 2, SSRC, &[0x90, 0x20, 0x80, 1]),
    ]);
    assert_eq!(stage.traced_layers(), [(1, 0, 2), (2, 0, 0)]);
}

/// The bits a second that the producer's only stream tells for each layer, and in all.
fn bitrates(stage: &Stage) -> (Value, u64) {
    let stats = stage.room.engine.producer_stats(stage.producer).unwrap();
    let stats = serde_json::to_value(&stats[0]).unwrap();
    (
        stats["bitrateByLayer"].clone(),
        stats["bitrate"].as_u64().unwrap(),
    )
}

#[test]
fn the_bitrate_of_a_layer_has_those_below_in_it() {
    let mut stage = Stage::of(layered("VP9", "L2T2"));
    // 16 bytes each: 51.2 bits a second over 2.5 seconds, rounded layer by layer.
    stage.send(&[vp9(1, 0, 0), vp9(2, 0, 1), vp9(3, 1, 1), vp9(4, 1, 1)]);
    let by_layer = json!({"0.0": 51, "0.1": 102, "1.0": 0, "1.1": 204});
    assert_eq!(bitrates(&stage), (by_layer, 204));
    stage.room.tick_after(LayerRates::WINDOW);
    let silent = json!({"0.0": 0, "0.1": 0, "1.0": 0, "1.1": 0});
    assert_eq!(bitrates(&stage), (silent, 0));
}

#[test]
fn layers_above_those_declared_count_for_the_highest() {
    let mut stage = Stage::of(layered("VP9", "L2T1"));
    stage.send(&[vp9(1, 7, 7), vp9(2, 0, 3)]);
    let by_layer = json!({"0.0": 51, "1.0": 102});
    assert_eq!(bitrates(&stage), (by_layer, 102));
}

#[test]
fn a_stream_with_one_layer_tells_no_bitrates_of_layers() {
    let mut stage = Stage::of(video("VP9", SSRC));
    stage.send(&[vp9(1, 0, 0), vp9(2, 2, 2)]);
    assert_eq!(bitrates(&stage), (json!({}), 102));
}

#[test]
fn with_dtx_a_bitrate_is_that_of_six_seconds() {
    let mut parameters = layered("VP9", "L1T2");
    parameters.encodings[0].dtx = Some(true);
    let mut stage = Stage::of(parameters);
    stage.send(&[vp9(1, 0, 0), vp9(2, 0, 1), vp9(3, 0, 1)]);
    // 16 bytes in 6 seconds are 21.3 bits a second, and 32 are 42.7.
    assert_eq!(bitrates(&stage), (json!({"0.0": 21, "0.1": 64}), 64));
    stage.room.tick_after(Duration::from_millis(5_999));
    assert_eq!(bitrates(&stage).1, 64);
    stage.room.tick();
    assert_eq!(bitrates(&stage).1, 0);
}

/// The layers that events told since the last call.
fn told_activity(stage: &mut Stage) -> Vec<Vec<bool>> {
    let events = stage.room.engine.drain_events().into_iter();
    let layers = |event| match event {
        Event::LayerActivityChanged(event) => Some(event.layers.spatial_layers),
        _ => None,
    };
    events.filter_map(layers).collect()
}

#[test]
fn spatial_layers_that_begin_and_stop_are_told() {
    let mut stage = Stage::of(layered("VP9", "L3T1"));
    let mut sequence = 0;
    let mut send = |stage: &mut Stage, millis: u64, spatial: &[u8]| {
        for _ in 0..millis / 100 {
            for &layer in spatial {
                sequence += 1;
                let packet = vp9(sequence, layer, 0);
                stage.room.arrive(stage.sender, &packet);
            }
            stage.room.tick_after(Duration::from_millis(100));
        }
    };
    // The stream begins at 100 ms: its layers are looked at every 1,500 ms from there.
    send(&mut stage, 1_500, &[0, 2]);
    assert!(told_activity(&mut stage).is_empty());
    send(&mut stage, 100, &[0, 2]);
    assert_eq!(told_activity(&mut stage), [[true, false, true]]);
    // Layer 2 is out of the window of 2.5 seconds at 4,100 ms; it is seen to be at 4,600.
    send(&mut stage, 2_900, &[0]);
    assert!(told_activity(&mut stage).is_empty());
    send(&mut stage, 100, &[0]);
    assert_eq!(told_activity(&mut stage), [[true, false, false]]);
    let activity = {
        let world = stage.room.engine.world_mut();
        let mut activity = world.query::<&LayerActivity>();
        let activity: Vec<bool> = activity.single(world).unwrap().active().collect();
        activity
    };
    assert_eq!(activity, [true, false, false]);
}

#[test]
fn layers_of_a_silent_stream_are_not_looked_at() {
    let mut stage = Stage::of(layered("VP9", "L2T1"));
    stage.send(&[vp9(1, 0, 0)]);
    for _ in 0..4 {
        stage.room.tick_after(LayerActivity::INTERVAL);
    }
    assert_eq!(told_activity(&mut stage), [[true, false], [false, false]]);
    stage.send(&[vp9(2, 1, 0)]);
    stage.room.tick_after(LayerActivity::INTERVAL);
    assert_eq!(told_activity(&mut stage), [[false, true]]);
}

#[test]
fn the_event_of_layers_names_the_stream() {
    let mut stage = Stage::of(layered("VP9", "L2T1"));
    stage.send(&[vp9(1, 1, 0)]);
    stage.room.tick_after(LayerActivity::INTERVAL);
    let events = stage.room.engine.drain_events();
    let event = events.iter().find(|event| event.name() == "layeractivity");
    let data = json!({"encodingIdx": 0, "ssrc": SSRC, "spatialLayers": [false, true]});
    let expected = json!({"event": "layeractivity", "producerId": stage.producer, "data": data});
    assert_eq!(serde_json::to_value(event.unwrap()).unwrap(), expected);
}
