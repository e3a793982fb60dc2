//! A codec of a stream.

use serde::Serialize;

use super::format_parameters::FormatParameters;
use super::object::{Malformed, Object, Read, deserialize_by_reading};
use super::rtcp_feedback::RtcpFeedback;
use super::{Codec, MediaKind};

/// A codec that a stream may use, with its payload type.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecParameters {
    /// `audio/…` or `video/…`; case does not matter.
    pub mime_type: String,
    /// The payload type of its packets, 0 to 127.
    pub payload_type: u8,
    /// RTP timestamp units a second.
    pub clock_rate: u32,
    /// Number of audio channels; absent for video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Codec-specific parameters; `apt` (RFC 4588, section 8.6) is a number.
    pub parameters: FormatParameters,
    /// RTCP feedback that the codec uses.
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

crate::snapshot::state! {
    struct RtpCodecParameters {
        mime_type, payload_type, clock_rate, channels, parameters, rtcp_feedback
    }
}

impl RtpCodecParameters {
    /// The codec the MIME type names.
    pub fn codec(&self) -> Codec {
        Codec::of_mime_type(&self.mime_type)
    }

    /// The kind of media; nothing when the MIME type is neither `audio/…` nor `video/…`.
    pub fn kind(&self) -> Option<MediaKind> {
        MediaKind::of_mime_type(&self.mime_type)
    }

    /// The payload type whose packets an RTX codec retransmits (RFC 4588, section 8.6).
    pub fn apt(&self) -> Option<u8> {
        u8::try_from(self.parameters.integer("apt")?).ok()
    }

    /// Whether the codec uses RTCP feedback `kind parameter`.
    pub fn has_feedback(&self, kind: &str, parameter: &str) -> bool {
        self.rtcp_feedback
            .iter()
            .any(|feedback| feedback.is(kind, parameter))
    }

    /// Whether this retransmits packets of `payload_type`.
    pub(super) fn is_rtx_of(&self, payload_type: u8) -> bool {
        self.codec() == Codec::Rtx && self.apt() == Some(payload_type)
    }
}

impl Read for RtpCodecParameters {
    const NAME: &'static str = "codec";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        let (mime_type, _) = read_mime_type(object)?;
        Ok(Self {
            payload_type: object.required_number("payloadType")?,
            clock_rate: object.required_number("clockRate")?,
            channels: read_channels(object, &mime_type)?,
            parameters: object.one("parameters")?.unwrap_or_default(),
            rtcp_feedback: object.list("rtcpFeedback")?,
            mime_type,
        })
    }
}

/// The MIME type of the codec in `object`, and the kind it names.
pub(super) fn read_mime_type(object: &Object<'_>) -> Result<(String, MediaKind), Malformed> {
    let mime_type = object.required_text("mimeType")?;
    match MediaKind::of_mime_type(&mime_type) {
        Some(kind) => Ok((mime_type, kind)),
        None => Err(object.not("mimeType", "an audio/… or video/… type")),
    }
}

/// The channels of the codec in `object`: 1 unless an audio codec says otherwise.
pub(super) fn read_channels(object: &Object<'_>, mime_type: &str) -> Result<Option<u8>, Malformed> {
    let channels = match object.is_number("channels") {
        true => object.number("channels")?,
        false => None,
    };
    Ok(normal_channels(mime_type, channels))
}

/// `channels` as a codec of `mime_type` states them: audio has at least one, video none.
pub(super) fn normal_channels(mime_type: &str, channels: Option<u8>) -> Option<u8> {
    match MediaKind::of_mime_type(mime_type) {
        Some(MediaKind::Audio) => channels.or(Some(1)),
        _ => None,
    }
}

deserialize_by_reading!(RtpCodecParameters);
