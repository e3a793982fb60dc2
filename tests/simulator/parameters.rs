//! What is negotiated: as browsers do it, without the parts that only signalling reads.

use flumen::rtp_parameters::{
    FormatParameters, HeaderExtension, MediaKind, RtcpFeedback, RtpCapabilities,
    RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters, RtpEncodingRtx,
    RtpHeaderExtensionParameters, RtpParameters,
};

use crate::peer::{Feedback, Repair};
use crate::video::{Video, VideoCodec};

/// The payload type of Opus.
pub(crate) const OPUS: u8 = 111;
/// The payload type of pictures.
pub(crate) const VIDEO: u8 = 96;
/// The payload type of what is sent again.
pub(crate) const RTX: u8 = 97;
/// The identifier of the audio level extension.
pub(crate) const LEVEL: u8 = 1;

/// The identifier of the extension that tells when a packet left.
pub(crate) const SENT_AT: u8 = 2;
/// The identifier of the extension that tells what a frame needs.
pub(crate) const DEPENDENCIES: u8 = 3;

/// The codecs of a room's router.
pub(crate) fn media_codecs() -> Vec<RtpCodecCapability> {
    let mut opus = RtpCodecCapability::new(MediaKind::Audio, "audio/opus", 48_000);
    opus.channels = Some(2);
    let video = VideoCodec::ALL.into_iter().map(|codec| {
        let mut video = RtpCodecCapability::new(MediaKind::Video, codec.mime_type(), 90_000);
        describe(codec, &mut video.parameters);
        video
    });
    std::iter::once(opus).chain(video).collect()
}

/// What both sides must say of a codec.
fn describe(codec: VideoCodec, parameters: &mut FormatParameters) {
    if codec == VideoCodec::H264 {
        // Constrained baseline, in units that may be cut (RFC 6184 section 8.1).
        parameters.insert("packetization-mode", 1);
        parameters.insert("profile-level-id", "42e01f");
        parameters.insert("level-asymmetry-allowed", 1);
    }
}

/// Sound under `ssrc`.
pub(crate) fn audio(ssrc: u32) -> RtpParameters {
    let codec = RtpCodecParameters {
        mime_type: "audio/opus".into(),
        payload_type: OPUS,
        clock_rate: 48_000,
        channels: Some(2),
        ..RtpCodecParameters::default()
    };
    let level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    RtpParameters {
        codecs: vec![codec],
        header_extensions: vec![RtpHeaderExtensionParameters::new(level, LEVEL)],
        encodings: vec![encoding(ssrc)],
        ..RtpParameters::default()
    }
}

/// Pictures under `ssrc` and every second one above it.
pub(crate) fn video(video: &Video, ssrc: u32) -> RtpParameters {
    let feedback = |kind: &str, parameter: &str| RtcpFeedback::new(kind, parameter);
    let mut codec = RtpCodecParameters {
        mime_type: video.codec.mime_type().into(),
        payload_type: VIDEO,
        clock_rate: 90_000,
        rtcp_feedback: vec![
            feedback("nack", "pli"),
            feedback("ccm", "fir"),
            feedback("goog-remb", ""),
        ],
        ..RtpCodecParameters::default()
    };
    describe(video.codec, &mut codec.parameters);
    let mut codecs = Vec::new();
    if video.rtx {
        codec.rtcp_feedback.push(feedback("nack", ""));
        codecs.push(rtx());
    }
    codecs.insert(0, codec);
    let encodings = (0..video.encodings as u32).map(|index| {
        let mut encoding = encoding(ssrc + 2 * index);
        encoding.rtx = video.rtx.then_some(RtpEncodingRtx {
            ssrc: ssrc + 2 * index + 1,
        });
        encoding.scalability_mode = Some(video.mode());
        encoding
    });
    RtpParameters {
        codecs,
        header_extensions: extensions(video),
        encodings: encodings.collect(),
        ..RtpParameters::default()
    }
}

fn extensions(video: &Video) -> Vec<RtpHeaderExtensionParameters> {
    let extension = |uri: HeaderExtension, id| RtpHeaderExtensionParameters::new(uri.uri(), id);
    let sent_at = extension(HeaderExtension::AbsSendTime, SENT_AT);
    let dependencies = extension(HeaderExtension::DependencyDescriptor, DEPENDENCIES);
    let dependencies = video.is_described().then_some(dependencies);
    std::iter::once(sent_at).chain(dependencies).collect()
}

fn rtx() -> RtpCodecParameters {
    let mut rtx = RtpCodecParameters {
        mime_type: "video/rtx".into(),
        payload_type: RTX,
        clock_rate: 90_000,
        ..RtpCodecParameters::default()
    };
    rtx.parameters.insert("apt", i64::from(VIDEO));
    rtx
}

fn encoding(ssrc: u32) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        ..RtpEncodingParameters::default()
    }
}

/// What a peer can take of all that a router has.
pub(crate) fn capabilities(
    mut all: RtpCapabilities,
    repair: Repair,
    feedback: Feedback,
) -> RtpCapabilities {
    if repair != Repair::Rtx {
        all.codecs
            .retain(|codec| !codec.mime_type.ends_with("/rtx"));
    }
    if feedback != Feedback::TransportCc {
        let is_wide = |uri: &str| uri.contains("transport-wide");
        all.header_extensions
            .retain(|extension| !is_wide(&extension.uri));
    }
    for codec in &mut all.codecs {
        codec
            .rtcp_feedback
            .retain(|entry| match entry.kind.as_str() {
                "nack" => repair != Repair::None || !entry.parameter.is_empty(),
                "transport-cc" => feedback == Feedback::TransportCc,
                "goog-remb" => feedback == Feedback::Remb,
                _ => true,
            });
    }
    all
}
