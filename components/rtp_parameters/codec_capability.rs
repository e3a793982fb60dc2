//! A codec that an endpoint or a router can handle.

use serde::Serialize;

use super::codec_parameters::{normal_channels, read_channels, read_mime_type};
use super::format_parameters::{FormatParameters, FormatValue};
use super::object::{Malformed, Object, Read, deserialize_by_reading};
use super::rtcp_feedback::RtcpFeedback;
use super::{CapabilitiesError, Codec, MediaKind};

/// A codec that an endpoint or a router can handle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecCapability {
    /// The kind of media. Read from the MIME type; what JSON says is not looked at.
    pub kind: MediaKind,
    /// `audio/…` or `video/…`; case does not matter.
    pub mime_type: String,
    /// The payload type it would rather have, 0 to 127. Always there in a router's capabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_payload_type: Option<u8>,
    /// RTP timestamp units a second.
    pub clock_rate: u32,
    /// Number of audio channels; absent for video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Codec-specific parameters; `apt` (RFC 4588, section 8.6) is a number.
    pub parameters: FormatParameters,
    /// RTCP feedback that the codec can use. Routers decide on their own.
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

crate::snapshot::state! {
    struct RtpCodecCapability {
        kind, mime_type, preferred_payload_type, clock_rate, channels, parameters, rtcp_feedback
    }
}

impl RtpCodecCapability {
    /// A codec without parameters and feedback; audio with one channel.
    pub fn new(kind: MediaKind, mime_type: impl Into<String>, clock_rate: u32) -> Self {
        Self {
            kind,
            mime_type: mime_type.into(),
            preferred_payload_type: None,
            clock_rate,
            channels: (kind == MediaKind::Audio).then_some(1),
            parameters: FormatParameters::new(),
            rtcp_feedback: Vec::new(),
        }
    }

    /// The codec the MIME type names.
    pub fn codec(&self) -> Codec {
        Codec::of_mime_type(&self.mime_type)
    }

    /// The payload type whose packets an RTX codec retransmits (RFC 4588, section 8.6).
    pub fn apt(&self) -> Option<u8> {
        u8::try_from(self.parameters.integer("apt")?).ok()
    }

    pub(super) fn check(&self) -> Result<(), CapabilitiesError> {
        let mime_type = || self.mime_type.clone();
        if MediaKind::of_mime_type(&self.mime_type).is_none() {
            return Err(CapabilitiesError::MimeTypeInvalid {
                mime_type: mime_type(),
            });
        }
        match self.parameters.get("apt") {
            None | Some(FormatValue::Integer(_)) => {}
            Some(_) => {
                return Err(CapabilitiesError::AptNotANumber {
                    mime_type: mime_type(),
                });
            }
        }
        match self.preferred_payload_type {
            Some(payload_type @ 128..) => {
                Err(CapabilitiesError::PayloadTypeOutOfRange { payload_type })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn normalise(&mut self) {
        self.channels = normal_channels(&self.mime_type, self.channels);
        if let Some(kind) = MediaKind::of_mime_type(&self.mime_type) {
            self.kind = kind;
        }
    }
}

impl Read for RtpCodecCapability {
    const NAME: &'static str = "codec";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        let (mime_type, kind) = read_mime_type(object)?;
        Ok(Self {
            kind,
            preferred_payload_type: object.number("preferredPayloadType")?,
            clock_rate: object.required_number("clockRate")?,
            channels: read_channels(object, &mime_type)?,
            parameters: object.one("parameters")?.unwrap_or_default(),
            rtcp_feedback: object.list("rtcpFeedback")?,
            mime_type,
        })
    }
}

deserialize_by_reading!(RtpCodecCapability);
