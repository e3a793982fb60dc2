//! Parameters for tests: recorded ones, and the smallest that make sense.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

pub(super) const ROUTER_CAPABILITIES: &str = include_str!("data/routerRtpCapabilities.json");
pub(super) const DEVICE: &str = include_str!("data/msc-device-rtpCapabilities.json");
const GOLDENS: &str = include_str!("data/ortc-goldens.json");
const MEDIA_CODECS: &str = include_str!("data/mediaCodecs.json");

/// The JSON in `text`.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The typed value that `value` stands for.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// Why `value` does not stand for a `T`.
pub(super) fn refusal<T: DeserializeOwned>(value: Value) -> String {
    serde_json::from_value::<T>(value)
        .err()
        .unwrap()
        .to_string()
}

/// The recorded router.
pub(super) fn router() -> RtpCapabilities {
    let media_codecs: Vec<RtpCodecCapability> = read(&parsed(MEDIA_CODECS));
    RtpCapabilities::generate(&media_codecs).unwrap()
}

/// The recorded browser.
pub(super) fn device() -> RtpCapabilities {
    read(&parsed(DEVICE)["rtpCapabilities"])
}

/// The recorded producers, and what mediasoup makes of them.
pub(super) fn goldens() -> Vec<Value> {
    let goldens = parsed(GOLDENS);
    goldens.as_object().unwrap().values().cloned().collect()
}

/// The consumable parameters of a producer on the recorded router.
pub(super) fn consumable(kind: MediaKind, producer: &RtpParameters) -> RtpParameters {
    let mapping = rtp_mapping(producer, &router(), 1_000).unwrap();
    consumable_parameters(kind, producer, &router(), &mapping).unwrap()
}

/// A codec without parameters.
pub(super) fn codec(mime_type: &str, payload_type: u8) -> RtpCodecParameters {
    read(&json!({
        "mimeType": mime_type,
        "payloadType": payload_type,
        "clockRate": if mime_type.eq_ignore_ascii_case("audio/opus") { 48_000 } else { 90_000 },
        "channels": 2,
    }))
}

/// An RTX codec for `apt`.
pub(super) fn rtx(payload_type: u8, apt: u8) -> RtpCodecParameters {
    let mut codec = codec("video/rtx", payload_type);
    codec.parameters.insert("apt", i64::from(apt));
    codec
}

/// VP8 with RTX and one encoding, in normal form.
pub(super) fn vp8() -> RtpParameters {
    RtpParameters {
        mid: Some("0".into()),
        codecs: vec![codec("video/VP8", 96), rtx(97, 96)],
        encodings: vec![encoding(11)],
        ..Default::default()
    }
}

/// Opus with one encoding, in normal form.
pub(super) fn opus() -> RtpParameters {
    RtpParameters {
        codecs: vec![codec("audio/opus", 111)],
        encodings: vec![encoding(21)],
        ..Default::default()
    }
}

/// An encoding that is known by its SSRC.
pub(super) fn encoding(ssrc: u32) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        dtx: Some(false),
        ..Default::default()
    }
}
