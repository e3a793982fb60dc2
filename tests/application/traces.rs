//! What is traced is told packet by packet, under the names of the JavaScript API.

use std::time::Duration;

use flumen::rtp_parameters::MediaKind;
use flumen::trace::TraceType;
use flumen_tests::{Call, MID, Packet, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, vp8};
use serde_json::{Value, json};

/// The traces since the last call.
fn traces(call: &mut Call) -> Vec<Value> {
    let events = call.room.engine.drain_events();
    let traces = events.iter().filter(|event| event.name() == "trace");
    traces
        .map(|event| serde_json::to_value(event).unwrap())
        .collect()
}

fn types(call: &mut Call) -> Vec<String> {
    let traces = traces(call);
    traces
        .iter()
        .map(|trace| trace["data"]["type"].as_str().unwrap().to_owned())
        .collect()
}

fn send_both(call: &mut Call, first: u16) {
    call.send_payload(first, VP8_KEY_FRAME);
    call.send_payload(first + 1, VP8_DELTA_FRAME);
}

#[test]
fn a_producer_traces_packets_as_they_were_received() {
    let mut call = Call::video();
    call.room
        .engine
        .trace_producer(call.producer, &[TraceType::Rtp])
        .unwrap();
    let packet = Packet::new(96, 7, SSRC, VP8_DELTA_FRAME)
        .marked()
        .with_extension(MID, b"m");
    call.send(std::slice::from_ref(&packet));
    let info = json!({
        "payloadType": 96, "sequenceNumber": 7, "timestamp": 21_000, "marker": true,
        "ssrc": SSRC, "isKeyFrame": false, "spatialLayer": 0, "temporalLayer": 0, "size": packet.bytes().len(), "payloadSize": 4,
        "isRtx": false, "mid": "m",
    });
    let data = json!({"type": "rtp", "timestamp": 1, "direction": "in", "info": info});
    let expected = json!({"event": "trace", "producerId": call.producer, "data": data});
    assert_eq!(traces(&mut call), [expected]);
}

#[test]
fn a_consumer_traces_packets_as_they_are_sent() {
    let mut call = Call::video();
    call.room
        .engine
        .trace_consumer(call.consumer, &[TraceType::KeyFrame])
        .unwrap();
    let left = call.send_payload(1, VP8_KEY_FRAME);
    let sent = &left.packets[0];
    let trace = traces(&mut call).remove(0);
    assert_eq!(trace["consumerId"], json!(call.consumer));
    let data = &trace["data"];
    assert_eq!(
        (&data["type"], &data["direction"]),
        (&json!("keyframe"), &json!("out"))
    );
    let info = &data["info"];
    assert_eq!(info["sequenceNumber"], json!(sent.sequence));
    assert_eq!(info["ssrc"], json!(sent.ssrc));
    assert_eq!(info["payloadType"], json!(sent.payload_type));
    assert_eq!(
        (&info["isKeyFrame"], &info["payloadSize"]),
        (&json!(true), &json!(8))
    );
}

#[test]
fn a_key_frame_is_traced_once() {
    use TraceType::{KeyFrame, Rtp};
    for (chosen, expected) in [
        (&[Rtp][..], &["rtp", "rtp"][..]),
        (&[KeyFrame], &["keyframe"]),
        (&[Rtp, KeyFrame], &["keyframe", "rtp"]),
        (&[], &[]),
    ] {
        let mut call = Call::video();
        call.room
            .engine
            .trace_producer(call.producer, chosen)
            .unwrap();
        send_both(&mut call, 1);
        assert_eq!(types(&mut call), expected);
        call.room.engine.trace_producer(call.producer, &[]).unwrap();
        call.room
            .engine
            .trace_consumer(call.consumer, chosen)
            .unwrap();
        send_both(&mut call, 3);
        assert_eq!(types(&mut call), expected);
    }
}

#[test]
fn a_paused_producer_traces_no_packets() {
    let mut call = Call::video();
    call.room
        .engine
        .trace_producer(call.producer, &[TraceType::Rtp])
        .unwrap();
    call.room.engine.pause_producer(call.producer).unwrap();
    call.send_payload(1, VP8_KEY_FRAME);
    assert!(traces(&mut call).is_empty());
}

#[test]
fn requests_are_traced_on_both_sides() {
    let mut call = Call::video();
    call.send_payload(1, VP8_KEY_FRAME);
    let all = [TraceType::Pli, TraceType::Fir, TraceType::Nack];
    call.room
        .engine
        .trace_producer(call.producer, &all)
        .unwrap();
    call.room
        .engine
        .trace_consumer(call.consumer, &all)
        .unwrap();
    call.ask_by_pli();
    call.ask_by_fir(3);
    call.tick_after(Duration::from_millis(1));
    let ssrc = call.consumer_ssrc();
    let row = |owner: &str, id: Value, type_: &str, direction: &str, ssrc: u32| {
        let info = json!({"ssrc": ssrc});
        let data = json!({"type": type_, "timestamp": 2, "direction": direction, "info": info});
        json!({"event": "trace", owner: id, "data": data})
    };
    let consumer = json!(call.consumer);
    let expected = [
        row("consumerId", consumer.clone(), "pli", "in", ssrc),
        row("consumerId", consumer, "fir", "in", ssrc),
        row("producerId", json!(call.producer), "pli", "out", SSRC),
    ];
    assert_eq!(traces(&mut call), expected);
}

#[test]
fn a_tick_traces_no_more_than_its_limit() {
    let mut room = Room::with(|builder| builder.traces_per_tick(2));
    let transport = room.plain(address(5_000));
    let kind = MediaKind::Audio;
    let producer = room.produce(transport, kind, flumen_tests::opus(1));
    room.engine
        .trace_producer(producer, &[TraceType::Rtp])
        .unwrap();
    for sequence in 1..=5 {
        room.arrive(transport, &Packet::new(111, sequence, 1, b"a"));
    }
    room.engine.drain_events();
    room.tick();
    assert_eq!(room.event_names(), ["score", "trace", "trace"]);
}

#[test]
fn a_transport_that_is_traced_much_costs_no_other_its_traces() {
    let mut room = Room::with(|builder| builder.traces_per_transport(2));
    let producers = [1, 2].map(|ssrc| {
        let transport = room.plain(address(5_000 + ssrc as u16));
        let producer = room.produce(transport, MediaKind::Audio, flumen_tests::opus(ssrc));
        room.engine
            .trace_producer(producer, &[TraceType::Rtp])
            .unwrap();
        (transport, producer)
    });
    room.engine.drain_events();
    for (count, ((transport, _), ssrc)) in [9, 2].into_iter().zip(producers.into_iter().zip(1..)) {
        for sequence in 1..=count {
            room.arrive(transport, &Packet::new(111, sequence, ssrc, b"a"));
        }
    }
    room.tick();
    let events = room.engine.drain_events();
    let traces = events.iter().filter(|event| event.name() == "trace");
    let subjects: Vec<_> = traces.map(flumen::Event::subject).collect();
    let [first, second] = producers.map(|(_, producer)| flumen::Subject::Producer(producer));
    assert_eq!(subjects, [first, first, second, second]);
}

#[test]
fn what_is_traced_can_be_observed() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let producer = room.produce(sender, MediaKind::Video, vp8(1_111));
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let observed = std::sync::Arc::clone(&seen);
    let observer = move |traced: &flumen::event::Traced| {
        observed.lock().unwrap().push(traced.trace.type_);
    };
    room.engine.observe(producer, observer).unwrap();
    room.engine
        .trace_producer(producer, &[TraceType::KeyFrame])
        .unwrap();
    room.arrive(sender, &Packet::new(96, 1, 1_111, VP8_KEY_FRAME));
    room.tick();
    assert_eq!(*seen.lock().unwrap(), [TraceType::KeyFrame]);
}
