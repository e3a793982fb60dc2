//! Every event, what it tells, in which order, and how long it lives.

use std::sync::{Arc, Mutex};

use flumen::event::{Paused, PausedBy, Resumed};
use flumen::rtp_parameters::MediaKind;
use flumen::{
    ConnectOptions, Event, Listen, ListenInfo, PlainTransportOptions, Subject, VideoOrientation,
};
use flumen_tests::{
    Call, ORIENTATION, Packet, Room, SSRC, VP8_DELTA_FRAME, VP8_KEY_FRAME, address, opus, vp8,
};
use serde_json::{Value, json};

/// The events since the last call, as (name, who it is about).
fn told(room: &mut Room) -> Vec<(&'static str, Subject)> {
    let events = room.engine.drain_events();
    events
        .iter()
        .map(|event| (event.name(), event.subject()))
        .collect()
}

fn json_of(events: &[Event]) -> Value {
    serde_json::to_value(events).unwrap()
}

#[test]
fn closing_a_transport_tells_producers_then_consumers_then_itself() {
    let mut room = Room::new();
    let [here, there] = [5_000, 6_000].map(|port| room.plain(address(port)));
    let [first, second] = [1, 2].map(|ssrc| room.produce(here, MediaKind::Audio, opus(ssrc)));
    let elsewhere = room.produce(there, MediaKind::Audio, opus(3));
    let own = room.consume(here, first);
    let away = room.consume(there, second);
    let foreign = room.consume(here, elsewhere);
    room.engine.drain_events();
    room.engine.close_transport(here).unwrap();
    let (producer, consumer) = (Subject::Producer, Subject::Consumer);
    let expected = [
        ("transportclose", producer(first)),
        ("close", producer(first)),
        ("transportclose", producer(second)),
        ("close", producer(second)),
        ("producerclose", consumer(away)),
        ("close", consumer(away)),
        ("transportclose", consumer(own)),
        ("close", consumer(own)),
        ("transportclose", consumer(foreign)),
        ("close", consumer(foreign)),
        ("close", Subject::Transport(here)),
    ];
    assert_eq!(told(&mut room), expected);
    assert!(!room.engine.closed(elsewhere));
}

#[test]
fn closing_a_router_closes_every_transport_and_no_consumer_for_its_producer() {
    let mut call = Call::audio();
    call.room.engine.close_router(call.room.router).unwrap();
    let expected = [
        ("transportclose", Subject::Producer(call.producer)),
        ("close", Subject::Producer(call.producer)),
        ("routerclose", Subject::Transport(call.sender)),
        ("close", Subject::Transport(call.sender)),
        ("transportclose", Subject::Consumer(call.consumer)),
        ("close", Subject::Consumer(call.consumer)),
        ("routerclose", Subject::Transport(call.receiver)),
        ("close", Subject::Transport(call.receiver)),
        ("close", Subject::Router(call.room.router)),
    ];
    assert_eq!(told(&mut call.room), expected);
}

#[test]
fn closing_a_shared_socket_closes_the_transports_on_it() {
    let mut room = Room::new();
    let socket = room
        .engine
        .open_socket(&ListenInfo::at(address(9_000)))
        .unwrap();
    let options = PlainTransportOptions::new(Listen::Shared(socket));
    let shared = room
        .engine
        .create_plain_transport(room.router, options.clone())
        .unwrap();
    let unconnected = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    let to = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(7_000),
        ..ConnectOptions::default()
    };
    room.engine.connect(shared, &to).unwrap();
    let producer = room.produce(shared, MediaKind::Audio, opus(1));
    let consumer = room.consume(unconnected, producer);
    room.engine.drain_events();
    room.engine.close_socket(socket).unwrap();
    let expected = [
        ("transportclose", Subject::Producer(producer)),
        ("close", Subject::Producer(producer)),
        ("listenserverclose", Subject::Transport(shared)),
        ("close", Subject::Transport(shared)),
        ("transportclose", Subject::Consumer(consumer)),
        ("close", Subject::Consumer(consumer)),
        ("listenserverclose", Subject::Transport(unconnected)),
        ("close", Subject::Transport(unconnected)),
        ("close", Subject::Socket(socket)),
    ];
    assert_eq!(told(&mut room), expected);
}

#[test]
fn closing_a_producer_closes_its_consumers() {
    let mut call = Call::audio();
    call.room.engine.close_producer(call.producer).unwrap();
    let consumer = Subject::Consumer(call.consumer);
    let expected = [
        ("close", Subject::Producer(call.producer)),
        ("producerclose", consumer),
        ("close", consumer),
    ];
    assert_eq!(told(&mut call.room), expected);
    assert!(call.room.engine.closed(call.consumer));
}

#[test]
fn a_closed_consumer_is_told_once_and_its_producer_goes_on() {
    let mut call = Call::audio();
    call.room.engine.close_consumer(call.consumer).unwrap();
    assert_eq!(
        told(&mut call.room),
        [("close", Subject::Consumer(call.consumer))]
    );
    call.send_payload(1, b"a");
    assert_eq!(call.room.event_names(), ["score"]);
}

#[test]
fn consumers_hear_of_a_pause_only_when_it_changes_something_for_them() {
    let mut call = Call::audio();
    let (producer, consumer) = (
        Subject::Producer(call.producer),
        Subject::Consumer(call.consumer),
    );
    let engine = &mut call.room.engine;
    engine.pause_consumer(call.consumer).unwrap();
    engine.pause_producer(call.producer).unwrap();
    engine.resume_consumer(call.consumer).unwrap();
    engine.pause_consumer(call.consumer).unwrap();
    engine.resume_producer(call.producer).unwrap();
    engine.resume_consumer(call.consumer).unwrap();
    let expected = [
        ("pause", consumer),
        ("pause", producer),
        ("producerpause", consumer),
        ("resume", producer),
        ("producerresume", consumer),
        ("resume", consumer),
    ];
    assert_eq!(told(&mut call.room), expected);
}

#[test]
fn whoever_paused_is_told_apart() {
    let mut call = Call::audio();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (pauses, resumes) = (heard.clone(), heard.clone());
    let engine = &mut call.room.engine;
    engine
        .observe(call.consumer, move |event: &Paused| {
            pauses.lock().unwrap().push(("pause", event.by));
        })
        .unwrap();
    engine
        .observe(call.consumer, move |event: &Resumed| {
            resumes.lock().unwrap().push(("resume", event.by));
        })
        .unwrap();
    engine.pause_producer(call.producer).unwrap();
    engine.resume_producer(call.producer).unwrap();
    engine.pause_consumer(call.consumer).unwrap();
    engine.resume_consumer(call.consumer).unwrap();
    // In JSON as in the JavaScript API, where `pause` is the owner's.
    let (producer, consumer) = (call.producer, call.consumer);
    let expected = json!([
        {"event": "pause", "producerId": producer},
        {"event": "producerpause", "consumerId": consumer},
        {"event": "resume", "producerId": producer},
        {"event": "producerresume", "consumerId": consumer},
        {"event": "pause", "consumerId": consumer},
        {"event": "resume", "consumerId": consumer},
    ]);
    assert_eq!(json_of(&call.room.engine.drain_events()), expected);
    // Observers hear whether anything comes, as those of the JavaScript API do.
    let expected = [
        ("pause", PausedBy::Producer),
        ("resume", PausedBy::Producer),
        ("pause", PausedBy::Owner),
        ("resume", PausedBy::Owner),
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn what_is_created_is_told_to_its_owner() {
    let mut room = Room::new();
    let transport = room.direct();
    let producer = room.produce(transport, MediaKind::Audio, opus(1));
    let consumer = room.consume(transport, producer);
    let events = json_of(&room.engine.drain_events());
    let expected = json!([
        {"event": "newtransport", "routerId": room.router, "data": transport},
        {"event": "newproducer", "transportId": transport, "data": producer},
        {"event": "newconsumer", "transportId": transport, "data": consumer},
    ]);
    assert_eq!(events, expected);
}

#[test]
fn a_new_stream_tells_the_scores_of_all_streams_of_its_producer() {
    let mut room = Room::new();
    let transport = room.plain(address(5_000));
    let names = ["q", "h"].map(flumen_tests::encoding_named);
    let parameters = flumen_tests::vp8_rtx(names.to_vec());
    let producer = room.produce(transport, MediaKind::Video, parameters);
    assert_eq!(room.engine.score(producer), Ok(vec![]));
    room.engine.drain_events();
    for (ssrc, rid) in [(20, "h"), (10, "q")] {
        let packet = Packet::new(96, 1, ssrc, VP8_KEY_FRAME);
        room.arrive(
            transport,
            &packet.with_extension(flumen_tests::RID, rid.as_bytes()),
        );
        room.tick();
    }
    let (q, h) = (
        json!({"encodingIdx": 0, "ssrc": 10, "rid": "q", "score": 10}),
        json!({"encodingIdx": 1, "ssrc": 20, "rid": "h", "score": 10}),
    );
    let expected = json!([
        {"event": "score", "producerId": producer, "data": [h.clone()]},
        {"event": "score", "producerId": producer, "data": [q, h]},
    ]);
    assert_eq!(json_of(&room.engine.drain_events()), expected);
}

#[test]
fn a_stream_without_a_rid_has_none_in_its_score() {
    let mut call = Call::audio();
    call.send_payload(1, b"a");
    let data = json!([{"encodingIdx": 0, "ssrc": SSRC, "score": 10}]);
    let scores = json!({"score": 10, "producerScore": 10, "producerScores": [10]});
    let expected = json!([
        {"event": "score", "producerId": call.producer, "data": data},
        {"event": "score", "consumerId": call.consumer, "data": scores},
    ]);
    assert_eq!(json_of(&call.room.engine.drain_events()), expected);
}

fn oriented(sequence: u16, byte: u8) -> Packet {
    Packet::new(96, sequence, SSRC, VP8_DELTA_FRAME).with_extension(ORIENTATION, &[byte])
}

#[test]
fn the_orientation_is_told_when_it_changes() {
    let mut call = Call::video();
    call.send_payload(1, VP8_KEY_FRAME);
    call.room.engine.drain_events();
    for (sequence, byte) in (2..).zip([0b1101, 0b1101, 0b0000, 0b1111_0000, 0b0011]) {
        call.send(&[oriented(sequence, byte)]);
        call.send_payload(sequence + 100, VP8_DELTA_FRAME);
    }
    let row = |camera: bool, flip: bool, rotation: u16| {
        let data = json!({"camera": camera, "flip": flip, "rotation": rotation});
        json!({"event": "videoorientationchange", "producerId": call.producer, "data": data})
    };
    let expected = json!([
        row(true, true, 90),
        row(false, false, 0),
        row(false, false, 270)
    ]);
    assert_eq!(json_of(&call.room.engine.drain_events()), expected);
    let orientation = VideoOrientation {
        camera: false,
        flip: false,
        rotation: 270,
    };
    assert_eq!(
        call.room.engine.orientation(call.producer),
        Ok(Some(orientation))
    );
}

#[test]
fn the_orientation_of_a_paused_producer_is_not_told() {
    let mut call = Call::video();
    call.send(&[oriented(1, 1)]);
    call.room.engine.pause_producer(call.producer).unwrap();
    call.room.engine.drain_events();
    call.send(&[oriented(2, 2)]);
    assert!(call.room.event_names().is_empty());
    call.room.engine.resume_producer(call.producer).unwrap();
    call.room.engine.drain_events();
    call.send(&[oriented(3, 2)]);
    assert_eq!(call.room.event_names(), ["videoorientationchange"]);
}

#[test]
fn an_orientation_that_was_not_negotiated_is_not_read() {
    let mut parameters = vp8(SSRC);
    parameters
        .header_extensions
        .retain(|extension| extension.id != ORIENTATION);
    let mut call = Call::of(MediaKind::Video, parameters);
    call.send(&[oriented(1, 1)]);
    assert_eq!(call.room.event_names(), ["score", "score"]);
    assert_eq!(call.room.engine.orientation(call.producer), Ok(None));
}

#[test]
fn connecting_tells_the_tuple() {
    let mut room = Room::new();
    let mut info = ListenInfo::at(address(9_000));
    info.announced_address = Some("sfu.example".into());
    let mut options = PlainTransportOptions::new(Listen::Own(info));
    options.rtcp_mux = false;
    options.rtcp_listen = Some(Listen::Own(ListenInfo::at(address(9_001))));
    let transport = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    let tuple = room.engine.tuple(transport).unwrap().unwrap();
    assert_eq!(
        (tuple.local_address.as_str(), tuple.remote_ip),
        ("sfu.example", None)
    );
    room.engine.drain_events();
    let to = ConnectOptions {
        ip: Some(address(0).ip()),
        port: Some(7_000),
        rtcp_port: Some(7_001),
        ..ConnectOptions::default()
    };
    room.engine.connect(transport, &to).unwrap();
    let row = |event: &str, address: &str, local: u16, remote: u16| {
        let data = json!({
            "localAddress": address, "localPort": local, "remoteIp": "127.0.0.1",
            "remotePort": remote, "protocol": "udp",
        });
        json!({"event": event, "transportId": transport, "data": data})
    };
    let expected = json!([
        row("tuple", "sfu.example", 9_000, 7_000),
        row("rtcptuple", "127.0.0.1", 9_001, 7_001),
    ]);
    assert_eq!(json_of(&room.engine.drain_events()), expected);
}

#[test]
fn comedia_learns_the_tuple_from_the_first_valid_packet() {
    let mut room = Room::new();
    let mut options = PlainTransportOptions::new(Listen::Own(ListenInfo::at(address(9_000))));
    options.comedia = true;
    let transport = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    room.produce(transport, MediaKind::Audio, opus(SSRC));
    room.engine.drain_events();
    let packet = Packet::new(111, 1, SSRC, b"a").bytes();
    for (port, bytes) in [(7_000, &b"junk"[..]), (7_001, &packet), (7_002, &packet)] {
        room.wire.inject(address(9_000), address(port), bytes);
    }
    room.tick();
    assert_eq!(room.event_names(), ["tuple", "unknownsource", "score"]);
    let tuple = room.engine.tuple(transport).unwrap().unwrap();
    assert_eq!(
        tuple.remote_port,
        Some(7_001),
        "the second sender is a stranger"
    );
    assert_eq!(room.engine.ledger().accepted, 1);
}
