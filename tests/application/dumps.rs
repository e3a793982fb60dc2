//! What is known of each entity can be looked at, under the names of the JavaScript API.

use flumen::rtp_parameters::MediaKind;
use flumen::trace::TraceType;
use flumen::{
    ActiveSpeakerObserverOptions, AudioLevelObserverOptions, Closed, DataConsumerOptions,
    DataProducerOptions, Listen, ListenInfo, PlainTransportOptions, PreferredLayers, RtpObserverId,
    SctpOptions, SctpStreamParameters,
};
use flumen_tests::{
    Call, MID, Packet, RID, RTX, Room, SSRC, VP8_KEY_FRAME, address, encoding_named, opus, vp8_rtx,
    with_retransmissions,
};
use serde::Serialize;
use serde_json::{Value, json};

fn json_of(dump: Result<impl Serialize, Closed>) -> Value {
    serde_json::to_value(dump.unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let keys = value.as_object().unwrap().keys();
    keys.map(String::as_str).collect()
}

/// One that tells levels, and one that tells who speaks.
fn observers(room: &mut Room) -> [RtpObserverId; 2] {
    let options = AudioLevelObserverOptions::default();
    let level = room
        .engine
        .create_audio_level_observer(room.router, options);
    let options = ActiveSpeakerObserverOptions::default();
    let speaker = room
        .engine
        .create_active_speaker_observer(room.router, options);
    [level.unwrap(), speaker.unwrap()]
}

#[test]
fn a_router_tells_who_consumes_whom() {
    let mut room = Room::new();
    let router = room.router;
    let [one, two] = [room.direct(), room.direct()];
    let heard = room.produce(one, MediaKind::Audio, opus(1));
    let unheard = room.produce(two, MediaKind::Audio, opus(2));
    let consumers = [two, one, two].map(|transport| room.consume(transport, heard));
    let chat = room.produce_data(two);
    let reader = room.consume_data(one, chat, &[]);
    let [level, speaker] = observers(&mut room);
    room.engine.add_producer(speaker, heard).unwrap();
    room.engine.add_producer(level, heard).unwrap();
    let expected = json!({
        "id": router,
        "transportIds": [one, two],
        "rtpObserverIds": [level, speaker],
        "mapProducerIdConsumerIds": [
            {"key": heard, "values": consumers}, {"key": unheard, "values": []},
        ],
        "mapConsumerIdProducerId": consumers.map(|key| json!({"key": key, "value": heard})),
        "mapProducerIdObserverIds": [{"key": heard, "values": [speaker, level]}],
        "mapDataProducerIdDataConsumerIds": [{"key": chat, "values": [reader]}],
        "mapDataConsumerIdDataProducerId": [{"key": reader, "value": chat}],
    });
    assert_eq!(json_of(room.engine.dump_router(router)), expected);
    // It is the live world.
    room.engine.close_producer(heard).unwrap();
    room.engine.close_transport(one).unwrap();
    let dump = json_of(room.engine.dump_router(router));
    assert_eq!(dump["transportIds"], json!([two]));
    assert_eq!(dump["mapConsumerIdProducerId"], json!([]));
    assert_eq!(dump["mapProducerIdObserverIds"], json!([]));
    room.engine.close_router(router).unwrap();
    assert!(room.engine.dump_router(router).is_err());
}

#[test]
fn a_transport_tells_how_packets_find_their_producers() {
    let mut call = Call::of(
        MediaKind::Video,
        with_retransmissions(flumen_tests::vp8(SSRC)),
    );
    let mut named = vp8_rtx(vec![encoding_named("r0"), encoding_named("r1")]);
    named.mid = Some("cam".into());
    let camera = call.room.produce(call.sender, MediaKind::Video, named);
    let packet = Packet::new(96, 1, 77, VP8_KEY_FRAME);
    let packet = packet
        .with_extension(MID, b"cam")
        .with_extension(RID, b"r1");
    call.room.arrive(call.sender, &packet);
    call.room.tick();
    let engine = &call.room.engine;
    let (first, tuple) = (call.producer, engine.tuple(call.sender).unwrap());
    let expected = json!({
        "id": call.sender,
        "producerIds": [first, camera],
        "consumerIds": [],
        "mapSsrcConsumerId": [],
        "mapRtxSsrcConsumerId": [],
        "recvRtpHeaderExtensions": {"mid": 9, "rid": 10, "rrid": 11, "absSendTime": 2},
        "rtpListener": {
            "ssrcTable": [
                {"key": 77, "value": camera},
                {"key": SSRC, "value": first},
                {"key": SSRC + 1, "value": first},
            ],
            "midTable": [{"key": "cam", "value": camera}],
            "ridTable": [{"key": "r0", "value": camera}, {"key": "r1", "value": camera}],
        },
        "dataProducerIds": [],
        "dataConsumerIds": [],
        "traceEventTypes": [],
        "rtcpMux": true,
        "comedia": false,
        "tuple": tuple,
    });
    assert_eq!(json_of(engine.dump_transport(call.sender)), expected);
    let consumer = json_of(engine.dump_transport(call.receiver));
    let ssrc = call.consumer_ssrc();
    let by_ssrc = |ssrc| json!([{"key": ssrc, "value": call.consumer}]);
    assert_eq!(consumer["mapSsrcConsumerId"], by_ssrc(ssrc));
    assert_eq!(consumer["mapRtxSsrcConsumerId"], by_ssrc(ssrc + 1));
    assert_eq!(consumer["consumerIds"], json!([call.consumer]));
}

#[test]
fn a_producer_tells_its_mapping_and_the_streams_that_have_begun() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let parameters = vp8_rtx(vec![encoding_named("r0"), encoding_named("r1")]);
    let producer = room.produce(sender, MediaKind::Video, parameters);
    assert_eq!(
        json_of(room.engine.dump_producer(producer))["rtpStreams"],
        json!([])
    );
    for (payload_type, ssrc) in [(96, 77), (RTX, 78)] {
        let packet = Packet::new(payload_type, 1, ssrc, VP8_KEY_FRAME);
        room.arrive(sender, &packet.with_extension(RID, b"r1"));
    }
    room.tick();
    room.engine.pause_producer(producer).unwrap();
    let traced = [TraceType::Sr, TraceType::KeyFrame];
    room.engine.trace_producer(producer, &traced).unwrap();
    let dump = json_of(room.engine.dump_producer(producer));
    let expected = [
        "id",
        "kind",
        "paused",
        "rtpMapping",
        "rtpParameters",
        "rtpStreams",
        "traceEventTypes",
        "type",
    ];
    assert_eq!(keys(&dump), expected);
    assert_eq!(dump["type"], "simulcast");
    assert_eq!(dump["paused"], true);
    assert_eq!(dump["traceEventTypes"], json!(["keyframe", "sr"]));
    assert_eq!(keys(&dump["rtpMapping"]), ["codecs", "encodings"]);
    let cname = &dump["rtpParameters"]["rtcp"]["cname"];
    let stream = json!({
        "params": {
            "encodingIdx": 1, "ssrc": 77, "payloadType": 96, "mimeType": "video/VP8",
            "clockRate": 90_000, "rid": "r1", "cname": cname, "rtxSsrc": 78, "rtxPayloadType": 97,
            "useNack": true, "usePli": true, "useFir": true, "useInBandFec": false,
            "useDtx": false, "spatialLayers": 1, "temporalLayers": 1,
        },
        "score": 10,
        "rtxStream": {
            "params": {
                "ssrc": 78, "payloadType": 97, "mimeType": "video/rtx", "clockRate": 90_000,
                "rrid": "r1", "cname": cname,
            },
        },
    });
    assert_eq!(dump["rtpStreams"], json!([stream]));
}

#[test]
fn a_consumer_tells_what_it_sends() {
    let mut call = Call::video();
    call.room.engine.pause_producer(call.producer).unwrap();
    let dump = json_of(call.room.engine.dump_consumer(call.consumer));
    let engine = &call.room.engine;
    let parameters = engine.consumer_parameters(call.consumer).unwrap();
    let consumable = engine.consumable_parameters(call.producer).unwrap();
    let rtp = serde_json::to_value(&parameters).unwrap();
    let stream = &dump["rtpStream"];
    let expected = json!({
        "id": call.consumer,
        "producerId": call.producer,
        "kind": "video",
        "type": "simple",
        "rtpParameters": rtp,
        "consumableRtpEncodings": consumable.encodings,
        "supportedCodecPayloadTypes": [parameters.codecs[0].payload_type],
        "traceEventTypes": [],
        "paused": false,
        "producerPaused": true,
        "priority": 1,
        "rtpStream": stream,
    });
    assert_eq!(dump, expected);
    assert_eq!(stream["params"]["ssrc"], call.consumer_ssrc());
    assert_eq!(stream["params"]["cname"], rtp["rtcp"]["cname"]);
    assert_eq!(stream["score"], 10);
    call.room.engine.close_consumer(call.consumer).unwrap();
    assert!(call.room.engine.dump_consumer(call.consumer).is_err());
}

#[test]
fn a_layered_consumer_tells_its_layers() {
    let mut room = Room::new();
    let sender = room.plain(address(5_000));
    let rids = ["r0", "r1"];
    let parameters = vp8_rtx(rids.map(encoding_named).into());
    let producer = room.produce(sender, MediaKind::Video, parameters);
    let receiver = room.plain(address(6_000));
    let consumer = room.consume(receiver, producer);
    let layers = PreferredLayers {
        spatial_layer: 0,
        temporal_layer: None,
    };
    room.engine.set_preferred_layers(consumer, layers).unwrap();
    room.engine.set_priority(consumer, 7).unwrap();
    let dump = json_of(room.engine.dump_consumer(consumer));
    assert_eq!(
        (&dump["type"], &dump["priority"]),
        (&json!("simulcast"), &json!(7))
    );
    assert_eq!(dump["preferredSpatialLayer"], 0);
    assert_eq!(dump["currentSpatialLayer"], -1);
    let packet = Packet::new(96, 1, 77, VP8_KEY_FRAME);
    room.arrive(sender, &packet.with_extension(RID, b"r0"));
    room.tick();
    let dump = json_of(room.engine.dump_consumer(consumer));
    assert_eq!(dump["targetSpatialLayer"], 0);
    assert_eq!(dump["currentSpatialLayer"], 0);
}

#[test]
fn data_producers_and_data_consumers_tell_what_they_were_made_with() {
    let mut room = Room::new();
    let options = PlainTransportOptions {
        sctp: Some(SctpOptions::default()),
        ..PlainTransportOptions::new(Listen::Own(ListenInfo::new(address(0).ip())))
    };
    let transport = room
        .engine
        .create_plain_transport(room.router, options)
        .unwrap();
    let options = DataProducerOptions {
        sctp_stream_parameters: Some(SctpStreamParameters::new(7)),
        label: "chat".into(),
        protocol: "text".into(),
        ..DataProducerOptions::default()
    };
    let chat = room.engine.produce_data(transport, options).unwrap();
    let options = DataConsumerOptions {
        subchannels: vec![9, 3],
        ..DataConsumerOptions::new(chat)
    };
    let direct = room.direct();
    let reader = room.engine.consume_data(direct, options.clone()).unwrap();
    let sender = room.engine.consume_data(transport, options).unwrap();
    let engine = &mut room.engine;
    engine.pause_data_producer(chat).unwrap();
    let expected = json!({
        "id": chat, "paused": true, "type": "sctp",
        "sctpStreamParameters": {"streamId": 7, "ordered": true},
        "label": "chat", "protocol": "text",
    });
    assert_eq!(json_of(engine.dump_data_producer(chat)), expected);
    let expected = json!({
        "id": reader, "paused": false, "dataProducerPaused": true, "subchannels": [3, 9],
        "dataProducerId": chat, "type": "direct", "label": "chat", "protocol": "text",
        "bufferedAmount": 0, "bufferedAmountLowThreshold": 0,
    });
    assert_eq!(json_of(engine.dump_data_consumer(reader)), expected);
    let over_sctp = json_of(engine.dump_data_consumer(sender));
    assert_eq!(over_sctp["bufferedAmountLowThreshold"], 1_024);
    assert_eq!(over_sctp["sctpStreamParameters"]["streamId"], 0);
    let dump = json_of(engine.dump_transport(transport));
    let table = json!([{"key": 7, "value": chat}]);
    assert_eq!(dump["sctpListener"]["streamIdTable"], table);
    assert_eq!(dump["dataProducerIds"], json!([chat]));
    assert_eq!(dump["dataConsumerIds"], json!([sender]));
    assert_eq!(dump["sctpState"], "new");
    assert_eq!(dump["maxReceiveMessageSize"], 262_144);
    assert_eq!(dump["sctpParameters"]["maxMessageSize"], 262_144);
    let dump = json_of(engine.dump_transport(direct));
    assert_eq!(dump["maxSendMessageSize"], 262_144);
    assert!(dump.get("sctpListener").is_none() && dump.get("tuple").is_none());
}
