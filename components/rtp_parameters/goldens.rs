//! What mediasoup makes of real parameters, compared with what is made of them here.

use serde_json::{Value, json};

use super::samples::{DEVICE, ROUTER_CAPABILITIES, device, goldens, parsed, read, router};
use super::*;

const SESSIONS: [&str; 6] = [
    include_str!("data/msc-audio-opus.json"),
    include_str!("data/msc-bundle-av-data.json"),
    include_str!("data/msc-video-h264.json"),
    include_str!("data/msc-video-vp8.json"),
    include_str!("data/msc-video-vp8-simulcast3.json"),
    include_str!("data/msc-video-vp9-svc-L3T3.json"),
];

fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// A producer, and what mediasoup makes of it.
struct Golden {
    kind: MediaKind,
    producer: RtpParameters,
    expected: Value,
}

impl Golden {
    fn all() -> Vec<Self> {
        let goldens = goldens();
        assert_eq!(goldens.len(), 5);
        goldens.iter().map(Self::new).collect()
    }

    fn new(expected: &Value) -> Self {
        let kind = read(&expected["kind"]);
        let producer: RtpParameters = read(&expected["producerRtpParameters"]);
        Self {
            kind,
            producer: producer.validated(kind).unwrap(),
            expected: expected.clone(),
        }
    }

    /// The number that was drawn for the SSRC at `path`.
    fn drawn(&self, path: &str) -> u32 {
        self.expected.pointer(path).map_or(0, read)
    }

    fn mapping(&self) -> RtpMapping {
        let first = self.drawn("/rtpMapping/encodings/0/mappedSsrc");
        rtp_mapping(&self.producer, &router(), first).unwrap()
    }

    fn consumable(&self) -> RtpParameters {
        consumable_parameters(self.kind, &self.producer, &router(), &self.mapping()).unwrap()
    }
}

#[test]
fn a_router_has_the_capabilities_mediasoup_gives_it() {
    assert_eq!(json_of(&router()), parsed(ROUTER_CAPABILITIES));
}

#[test]
fn capabilities_are_written_as_they_were_read() {
    let written = json_of(&device().validated().unwrap());
    assert_eq!(written, parsed(DEVICE)["rtpCapabilities"]);
    let router: RtpCapabilities = read(&parsed(ROUTER_CAPABILITIES));
    assert_eq!(json_of(&router), parsed(ROUTER_CAPABILITIES));
}

#[test]
fn parameters_of_every_session_are_written_as_they_were_read() {
    for session in SESSIONS.map(parsed) {
        for event in session["events"].as_array().unwrap() {
            let payload = &event["payload"];
            if event["event"] == "produce" {
                let given = payload["rtpParameters"].clone();
                let read = RtpParameters::from_json(read(&payload["kind"]), given.clone());
                assert_eq!(json_of(&read.unwrap()), given);
            }
        }
    }
}

#[test]
fn producers_are_mapped_as_mediasoup_maps_them() {
    for golden in Golden::all() {
        assert_eq!(json_of(&golden.mapping()), golden.expected["rtpMapping"]);
        let read: RtpMapping = read(&golden.expected["rtpMapping"]);
        assert_eq!(read, golden.mapping());
    }
}

#[test]
fn consumable_parameters_are_those_of_mediasoup() {
    for golden in Golden::all() {
        let expected = &golden.expected["consumableRtpParameters"];
        assert_eq!(json_of(&golden.consumable()), *expected);
    }
}

#[test]
fn the_device_can_consume_what_mediasoup_says_it_can() {
    for golden in Golden::all() {
        let can = can_consume(&golden.consumable(), &device());
        assert_eq!(json!(can), golden.expected["canConsume"]);
    }
}

#[test]
fn consumers_have_the_parameters_mediasoup_gives_them() {
    let options = ConsumerRequest {
        enable_rtx: true,
        ..ConsumerRequest::default()
    };
    for golden in Golden::all() {
        let media = golden.drawn("/consumerRtpParameters/encodings/0/ssrc");
        let ssrcs = SsrcBase { media, rtx: 0 };
        let made = consumer_parameters(&golden.consumable(), &device(), &options, ssrcs).unwrap();
        assert_eq!(json_of(&made), golden.expected["consumerRtpParameters"]);
    }
}

#[test]
fn pipes_have_the_parameters_mediasoup_gives_them() {
    for golden in Golden::all() {
        let ssrcs = SsrcBase {
            media: golden.drawn("/pipeConsumerRtpParameters/encodings/0/ssrc"),
            rtx: golden.drawn("/pipeConsumerRtpParameters/encodings/0/rtx/ssrc"),
        };
        let made = pipe_consumer_parameters(&golden.consumable(), true, ssrcs);
        assert_eq!(json_of(&made), golden.expected["pipeConsumerRtpParameters"]);
    }
}
