//! What mediasoup makes of real parameters is what the engine makes of them.

use flumen::rtp_parameters::{MediaKind, RtpCapabilities, RtpCodecCapability, RtpParameters};
use flumen::{ConsumerOptions, Engine, Loopback, RouterId, TransportId};
use flumen_tests::{Packet, Room, SENDER, address};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const MEDIA_CODECS: &str = include_str!("../../components/rtp_parameters/data/mediaCodecs.json");
const CAPABILITIES: &str =
    include_str!("../../components/rtp_parameters/data/routerRtpCapabilities.json");
const DEVICE: &str =
    include_str!("../../components/rtp_parameters/data/msc-device-rtpCapabilities.json");
const GOLDENS: &str = include_str!("../../components/rtp_parameters/data/ortc-goldens.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn device() -> RtpCapabilities {
    read(&parsed(DEVICE)["rtpCapabilities"])
}

fn goldens() -> Vec<Value> {
    let goldens = parsed(GOLDENS);
    goldens.as_object().unwrap().values().cloned().collect()
}

/// An engine with the recorded router and a direct transport on it.
fn engine() -> (Engine, RouterId, TransportId) {
    let (backend, _) = Loopback::new();
    let mut engine = Engine::builder()
        .seed([3; 32])
        .backend(backend)
        .build()
        .unwrap();
    let codecs: Vec<RtpCodecCapability> = read(&parsed(MEDIA_CODECS));
    let router = engine.create_router(&codecs).unwrap();
    let transport = engine.create_direct_transport(router).unwrap();
    (engine, router, transport)
}

/// The parameters with what is drawn at random, or named by the transport, taken out.
fn without_random(mut parameters: Value) -> Value {
    parameters["rtcp"]["cname"] = json!("");
    parameters.as_object_mut().unwrap().remove("mid");
    for encoding in parameters["encodings"].as_array_mut().unwrap() {
        if let Some(ssrc) = encoding.get_mut("ssrc") {
            *ssrc = json!(0);
        }
        if let Some(rtx) = encoding.get_mut("rtx") {
            rtx["ssrc"] = json!(0);
        }
    }
    parameters
}

/// A producer of `golden` on a transport of its own.
fn produce(engine: &mut Engine, router: RouterId, golden: &Value) -> flumen::ProducerId {
    let kind: MediaKind = read(&golden["kind"]);
    let parameters: RtpParameters = read(&golden["producerRtpParameters"]);
    let transport = engine.create_direct_transport(router).unwrap();
    let options = flumen::ProducerOptions::new(kind, parameters);
    engine.produce(transport, options).unwrap()
}

#[test]
fn a_router_has_the_capabilities_of_the_golden_file() {
    let (engine, router, _) = engine();
    let capabilities = engine.rtp_capabilities(router).unwrap();
    assert_eq!(json_of(capabilities), parsed(CAPABILITIES));
}

#[test]
fn consumable_parameters_are_those_of_the_golden_file() {
    let (mut engine, router, _) = engine();
    for golden in goldens() {
        let producer = produce(&mut engine, router, &golden);
        let made = json_of(engine.consumable_parameters(producer).unwrap());
        let expected = without_random(golden["consumableRtpParameters"].clone());
        assert_eq!(without_random(made.clone()), expected);
        let ssrcs: Vec<u64> = made["encodings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|encoding| encoding["ssrc"].as_u64().unwrap())
            .collect();
        assert!(
            ssrcs.is_sorted_by(|a, b| a + 1 == *b),
            "{ssrcs:?} follow on each other"
        );
    }
}

#[test]
fn the_cname_that_a_client_gives_is_kept() {
    let (mut engine, router, _) = engine();
    for golden in goldens() {
        let given = golden["producerRtpParameters"]["rtcp"]["cname"].clone();
        let producer = produce(&mut engine, router, &golden);
        let consumable = json_of(engine.consumable_parameters(producer).unwrap());
        assert_eq!(consumable["rtcp"]["cname"], given);
    }
}

#[test]
fn consumers_have_the_parameters_of_the_golden_file() {
    let (mut engine, router, transport) = engine();
    let mut consumed = 0;
    for golden in goldens() {
        let producer = produce(&mut engine, router, &golden);
        let mut options = ConsumerOptions::new(producer, device());
        options.enable_rtx = Some(true);
        let consumer = engine.consume(transport, options).unwrap();
        let made = json_of(&engine.consumer_parameters(consumer).unwrap());
        assert_eq!(made["mid"], json!(consumed.to_string()), "MIDs are counted");
        let expected = without_random(golden["consumerRtpParameters"].clone());
        assert_eq!(without_random(made), expected);
        consumed += 1;
    }
    assert_eq!(consumed, 5, "Opus, VP8, H.264, and VP8 and VP9 in layers");
}

#[test]
fn what_can_be_consumed_is_what_consume_takes() {
    let (mut engine, router, transport) = engine();
    for golden in goldens() {
        let producer = produce(&mut engine, router, &golden);
        for remote in devices() {
            let can = engine.can_consume(router, producer, &remote);
            let options = ConsumerOptions::new(producer, remote);
            let consumed = engine.consume(transport, options);
            assert_eq!(can, consumed.is_ok(), "{consumed:?}");
        }
        let can = engine.can_consume(router, producer, &device());
        assert_eq!(json!(can), golden["canConsume"]);
        let elsewhere = engine.create_router(&[]).unwrap();
        assert!(!engine.can_consume(elsewhere, producer, &device()));
        engine.close_router(elsewhere).unwrap();
        assert!(!engine.can_consume(elsewhere, producer, &device()));
    }
}

/// The recorded device, what it would be without each of its codecs, and without any sense.
fn devices() -> Vec<RtpCapabilities> {
    let without = |index| {
        let mut device = device();
        device.codecs.remove(index);
        device
    };
    let mut malformed = device();
    malformed.codecs[0].mime_type = "opus".into();
    let whole = [device(), malformed, RtpCapabilities::default()];
    let codecs = 0..device().codecs.len();
    codecs.map(without).chain(whole).collect()
}

#[test]
fn the_types_of_the_golden_producers_are_told_from_their_encodings() {
    let (mut engine, router, _) = engine();
    let goldens = parsed(GOLDENS);
    for (name, golden) in goldens.as_object().unwrap() {
        let producer = produce(&mut engine, router, golden);
        let expected = match name.as_str() {
            "video-vp8-simulcast3" => "simulcast",
            "video-vp9-svc-L3T3" => "svc",
            _ => "simple",
        };
        let made = engine.producer_type(producer).unwrap();
        assert_eq!(json_of(&made), expected, "{name}");
    }
}

#[test]
fn the_payload_types_on_the_wire_are_those_of_the_golden_mapping() {
    for golden in goldens() {
        let mut room = Room::new();
        let codecs: Vec<RtpCodecCapability> = read(&parsed(MEDIA_CODECS));
        room.router = room.engine.create_router(&codecs).unwrap();
        let mapping = &golden["rtpMapping"]["codecs"][0];
        if golden["consumableRtpParameters"]["encodings"]
            .as_array()
            .unwrap()
            .len()
            > 1
            || golden["producerRtpParameters"]["encodings"][0].get("scalabilityMode")
                == Some(&json!("L3T3"))
        {
            continue;
        }
        let sender = room.plain(address(SENDER));
        let parameters: RtpParameters = read(&golden["producerRtpParameters"]);
        let ssrc = parameters.encodings[0].ssrc.unwrap();
        let producer = room.produce(sender, read(&golden["kind"]), parameters);
        let receiver = room.plain(address(6_000));
        room.consume(receiver, producer);
        // The first byte of each payload begins a key frame in its codec, if it has any.
        let payload: &[u8] = match golden["producerRtpParameters"]["codecs"][0]["mimeType"].as_str()
        {
            Some("video/H264") => &[0x67, 0x42, 0xe0],
            _ => flumen_tests::VP8_KEY_FRAME,
        };
        room.arrive(
            sender,
            &Packet::new(read(&mapping["payloadType"]), 1, ssrc, payload),
        );
        room.tick();
        let packets = room.rtp_to(address(6_000));
        assert_eq!(json!(packets[0].payload_type), mapping["mappedPayloadType"]);
    }
}
