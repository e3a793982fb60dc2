//! What rooms can carry.

use flumen::rtp_parameters::RtpCodecCapability;
use serde_json::{Value, json};

/// The codecs of every room: what browsers, OBS, ffmpeg and GStreamer send.
pub(crate) fn all() -> Vec<RtpCodecCapability> {
    let h264 = |profile: &str| json!({ "packetization-mode": 1, "level-asymmetry-allowed": 1, "profile-level-id": profile });
    [
        audio("audio/opus", 48_000, 2, json!({})),
        audio("audio/PCMU", 8_000, 1, json!({})),
        audio("audio/PCMA", 8_000, 1, json!({})),
        video("video/VP8", json!({})),
        video("video/VP9", json!({ "profile-id": 0 })),
        video("video/H264", h264("42e01f")),
        video("video/H264", h264("4d001f")),
        video("video/H264", h264("640032")),
        video("video/AV1", json!({})),
    ]
    .into_iter()
    .filter_map(|codec| serde_json::from_value(codec).ok())
    .collect()
}

fn audio(mime_type: &str, clock_rate: u32, channels: u8, parameters: Value) -> Value {
    json!({ "kind": "audio", "mimeType": mime_type, "clockRate": clock_rate,
            "channels": channels, "parameters": parameters })
}

fn video(mime_type: &str, parameters: Value) -> Value {
    json!({ "kind": "video", "mimeType": mime_type, "clockRate": 90_000, "parameters": parameters })
}
