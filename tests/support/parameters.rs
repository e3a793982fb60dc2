//! Codecs and parameters of the kind that clients send.

use flumen::rtp_parameters::{
    MediaKind, RtcpFeedback, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpEncodingRtx, RtpHeaderExtensionParameters, RtpParameters,
};

/// The codecs of a router: Opus, VP8, VP9, H.264, AV1 and H.265.
pub fn media_codecs() -> Vec<RtpCodecCapability> {
    let mut opus = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
    opus.channels = Some(2);
    let video = |name: &str| RtpCodecCapability::new(MediaKind::Video, name, 90_000);
    let mut h264 = video("video/H264");
    h264.parameters.insert("packetization-mode", 1);
    h264.parameters.insert("profile-level-id", "42e01f");
    h264.parameters.insert("level-asymmetry-allowed", 1);
    vec![
        opus,
        video("video/VP8"),
        video("video/VP9"),
        h264,
        video("video/AV1"),
        video("video/H265"),
    ]
}

/// An Opus stream: payload type 111, audio level as extension 1, MID as 4.
pub fn opus(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: 111,
        clock_rate: 48_000,
        channels: Some(2),
        ..RtpCodecParameters::default()
    };
    let extension = RtpHeaderExtensionParameters::new;
    RtpParameters {
        codecs: vec![codec],
        header_extensions: vec![
            extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1),
            extension("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
        ],
        encodings: vec![RtpEncodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        }],
        ..RtpParameters::default()
    }
}

/// The identifier under which [`vp8`] streams carry their MID.
pub const MID: u8 = 9;
/// The identifier under which [`vp8`] streams carry their RID.
pub const RID: u8 = 10;
/// The identifier under which [`vp8`] streams carry their repaired RID.
pub const REPAIRED_RID: u8 = 11;
/// The identifier under which [`vp8`] streams carry their orientation.
pub const ORIENTATION: u8 = 3;
/// The payload type of the retransmissions of [`vp8_rtx`] streams.
pub const RTX: u8 = 97;

/// An encoding that names nothing.
pub fn encoding() -> RtpEncodingParameters {
    RtpEncodingParameters::default()
}

/// An encoding with an SSRC.
pub fn encoding_of(ssrc: u32) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        ..encoding()
    }
}

/// An encoding with a RID.
pub fn encoding_named(rid: &str) -> RtpEncodingParameters {
    RtpEncodingParameters {
        rid: Some(rid.into()),
        ..encoding()
    }
}

/// A [`vp8`] stream with retransmissions as payload type 97, in `encodings`.
pub fn vp8_rtx(encodings: Vec<RtpEncodingParameters>) -> RtpParameters {
    let parameters = with_retransmissions(vp8(0));
    RtpParameters {
        encodings,
        ..parameters
    }
}

/// Like [`vp8`], with another codec: "H264", "H265", "VP9", "AV1".
pub fn video(codec: &str, ssrc: u32) -> RtpParameters {
    let mut parameters = vp8(ssrc);
    let codec_parameters = &mut parameters.codecs[0];
    codec_parameters.mime_type = format!("video/{codec}");
    if codec == "H264" {
        let h264 = &mut codec_parameters.parameters;
        h264.insert("packetization-mode", 1);
        h264.insert("profile-level-id", "42e01f");
        h264.insert("level-asymmetry-allowed", 1);
    }
    parameters
}

/// A VP8 stream: payload type 96, MID as extension 9, RID as 10, repaired RID as 11, orientation
/// as 3; key frames by PLI or FIR.
pub fn vp8(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "video/VP8".into(),
        payload_type: 96,
        clock_rate: 90_000,
        rtcp_feedback: vec![
            RtcpFeedback::new("nack", ""),
            RtcpFeedback::new("nack", "pli"),
            RtcpFeedback::new("ccm", "fir"),
        ],
        ..RtpCodecParameters::default()
    };
    let extension = RtpHeaderExtensionParameters::new;
    RtpParameters {
        codecs: vec![codec],
        header_extensions: vec![
            extension("urn:ietf:params:rtp-hdrext:sdes:mid", 9),
            extension("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 10),
            extension("urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 11),
            extension("urn:3gpp:video-orientation", 3),
            extension(
                "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                2,
            ),
        ],
        encodings: vec![RtpEncodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        }],
        ..RtpParameters::default()
    }
}

/// The same video stream with retransmissions: payload type 97, the SSRC after that of the media.
pub fn with_retransmissions(mut video: RtpParameters) -> RtpParameters {
    let mut rtx = RtpCodecParameters {
        mime_type: "video/rtx".into(),
        payload_type: RTX,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    };
    rtx.parameters
        .insert("apt", i64::from(video.codecs[0].payload_type));
    video.codecs.push(rtx);
    for encoding in &mut video.encodings {
        let ssrc = encoding.ssrc.map(|ssrc| ssrc + 1);
        encoding.rtx = ssrc.map(|ssrc| RtpEncodingRtx { ssrc });
    }
    video
}

/// The identifier under which [`with_transport_cc`] streams carry their transport-wide number.
pub const WIDE: u8 = 12;

/// The same stream with transport-wide sequence numbers, and feedback on them.
pub fn with_transport_cc(mut parameters: RtpParameters) -> RtpParameters {
    let uri = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    let extension = RtpHeaderExtensionParameters::new(uri, WIDE);
    parameters.header_extensions.push(extension);
    let feedback = RtcpFeedback::new("transport-cc", "");
    parameters.codecs[0].rtcp_feedback.push(feedback);
    parameters
}

/// The same stream, whose sender wants to be told bitrates.
pub fn with_remb(mut parameters: RtpParameters) -> RtpParameters {
    let feedback = RtcpFeedback::new("goog-remb", "");
    parameters.codecs[0].rtcp_feedback.push(feedback);
    parameters
}
