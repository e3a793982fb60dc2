//! The codecs that routers can forward.

use super::codec_match::{CodecView, Likeness, position};
use super::format_parameters::FormatValue;
use super::{CapabilitiesError, MediaKind, RtcpFeedback, RtpCodecCapability};

/// A codec that routers can forward.
pub(super) struct SupportedCodec {
    kind: MediaKind,
    mime_type: &'static str,
    clock_rate: u32,
    channels: u8,
    /// Its static payload type (RFC 3551, table 4).
    pub(super) payload_type: Option<u8>,
    parameters: &'static [(&'static str, Fixed)],
    feedback: &'static [(&'static str, &'static str)],
}

impl SupportedCodec {
    /// The supported codec that `codec` is.
    pub(super) fn matching(codec: &RtpCodecCapability) -> Result<&'static Self, CapabilitiesError> {
        let supported = SUPPORTED.each_ref().map(Self::capability);
        let views = supported.iter().map(CodecView::from);
        match position(&CodecView::from(codec), views, Likeness::Codec) {
            Ok(position) => Ok(&SUPPORTED[position]),
            Err(difference) => Err(CapabilitiesError::CodecUnsupported { difference }),
        }
    }

    /// The codec as a capability, without a payload type.
    pub(super) fn capability(&self) -> RtpCodecCapability {
        let feedback = self.feedback.iter();
        RtpCodecCapability {
            channels: (self.kind == MediaKind::Audio).then_some(self.channels),
            parameters: self.parameters.iter().copied().collect(),
            rtcp_feedback: feedback
                .map(|&(kind, parameter)| RtcpFeedback::new(kind, parameter))
                .collect(),
            ..RtpCodecCapability::new(self.kind, self.mime_type, self.clock_rate)
        }
    }

    const fn audio(mime_type: &'static str, clock_rate: u32) -> Self {
        Self {
            kind: MediaKind::Audio,
            mime_type,
            clock_rate,
            channels: 1,
            payload_type: None,
            parameters: &[],
            feedback: &[("transport-cc", "")],
        }
    }

    /// RFC 3551 gives payload type 13 to comfort noise at 8 kHz; mediasoup gives it to any.
    const fn comfort_noise(clock_rate: u32) -> Self {
        Self::audio("audio/CN", clock_rate)
            .at(13)
            .without_feedback()
    }

    const fn video(mime_type: &'static str) -> Self {
        Self {
            kind: MediaKind::Video,
            mime_type,
            clock_rate: 90_000,
            channels: 1,
            payload_type: None,
            parameters: &[],
            feedback: &[
                ("nack", ""),
                ("nack", "pli"),
                ("ccm", "fir"),
                ("goog-remb", ""),
                ("transport-cc", ""),
            ],
        }
    }

    const fn opus(
        mime_type: &'static str,
        channels: u8,
        parameters: &'static [(&'static str, Fixed)],
    ) -> Self {
        Self {
            channels,
            parameters,
            feedback: &[("nack", ""), ("transport-cc", "")],
            ..Self::audio(mime_type, 48_000)
        }
    }

    const fn at(self, payload_type: u8) -> Self {
        Self {
            payload_type: Some(payload_type),
            ..self
        }
    }

    const fn with(self, parameters: &'static [(&'static str, Fixed)]) -> Self {
        Self { parameters, ..self }
    }

    const fn without_feedback(self) -> Self {
        Self {
            feedback: &[],
            ..self
        }
    }
}

/// The value of a parameter that a codec of this sort always has.
#[derive(Clone, Copy)]
enum Fixed {
    Number(i64),
    Text(&'static str),
}

impl From<Fixed> for FormatValue {
    fn from(fixed: Fixed) -> Self {
        match fixed {
            Number(number) => Self::Integer(number),
            Text(text) => Self::Text(text.to_owned()),
        }
    }
}

use Fixed::{Number, Text};

/// The first that matches is taken. H265 is none of the reference's, which had it once. Channel
/// mappings are those of libwebrtc (RFC 7845, section 5.1.1.2).
static SUPPORTED: [SupportedCodec; 27] = [
    SupportedCodec::opus("audio/opus", 2, &[]),
    SupportedCodec::opus(
        "audio/multiopus",
        4,
        &[
            ("channel_mapping", Text("0,1,2,3")),
            ("num_streams", Number(2)),
            ("coupled_streams", Number(2)),
        ],
    ),
    SupportedCodec::opus(
        "audio/multiopus",
        6,
        &[
            ("channel_mapping", Text("0,4,1,2,3,5")),
            ("num_streams", Number(4)),
            ("coupled_streams", Number(2)),
        ],
    ),
    SupportedCodec::opus(
        "audio/multiopus",
        8,
        &[
            ("channel_mapping", Text("0,6,1,2,3,4,5,7")),
            ("num_streams", Number(5)),
            ("coupled_streams", Number(3)),
        ],
    ),
    SupportedCodec::audio("audio/PCMU", 8_000).at(0),
    SupportedCodec::audio("audio/PCMA", 8_000).at(8),
    SupportedCodec::audio("audio/ISAC", 32_000),
    SupportedCodec::audio("audio/ISAC", 16_000),
    SupportedCodec::audio("audio/G722", 8_000).at(9),
    SupportedCodec::audio("audio/iLBC", 8_000),
    SupportedCodec::audio("audio/SILK", 24_000),
    SupportedCodec::audio("audio/SILK", 16_000),
    SupportedCodec::audio("audio/SILK", 12_000),
    SupportedCodec::audio("audio/SILK", 8_000),
    SupportedCodec::comfort_noise(32_000),
    SupportedCodec::comfort_noise(16_000),
    SupportedCodec::comfort_noise(8_000),
    SupportedCodec::audio("audio/telephone-event", 48_000).without_feedback(),
    SupportedCodec::audio("audio/telephone-event", 32_000).without_feedback(),
    SupportedCodec::audio("audio/telephone-event", 16_000).without_feedback(),
    SupportedCodec::audio("audio/telephone-event", 8_000).without_feedback(),
    SupportedCodec::video("video/VP8"),
    SupportedCodec::video("video/VP9"),
    SupportedCodec::video("video/H264").with(&[
        ("level-asymmetry-allowed", Number(1)),
        ("packetization-mode", Number(1)),
    ]),
    SupportedCodec::video("video/H264").with(&[("level-asymmetry-allowed", Number(1))]),
    SupportedCodec::video("video/AV1"),
    SupportedCodec::video("video/H265"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_codec_is_supported() {
        for supported in &SUPPORTED {
            let codec = supported.capability();
            let found = SupportedCodec::matching(&codec).unwrap();
            assert_eq!(found.capability(), codec);
        }
    }

    #[test]
    fn multiopus_is_told_by_its_streams() {
        let mut codec = RtpCodecCapability::new(MediaKind::Audio, "audio/multiopus", 48_000);
        codec.channels = Some(6);
        codec.parameters.insert("num_streams", 4);
        codec.parameters.insert("coupled_streams", 2);
        let found = SupportedCodec::matching(&codec).unwrap().capability();
        let mapping = found
            .parameters
            .text("channel_mapping")
            .unwrap()
            .into_owned();
        assert_eq!(mapping, "0,4,1,2,3,5");
        codec.parameters.insert("num_streams", 5);
        assert!(SupportedCodec::matching(&codec).is_err());
    }

    #[test]
    fn h265_is_supported_in_one_stream() {
        let mut codec = RtpCodecCapability::new(MediaKind::Video, "video/H265", 90_000);
        codec.parameters.insert("profile-id", 2);
        assert!(SupportedCodec::matching(&codec).is_ok());
        codec.parameters.insert("tx-mode", "MRST");
        assert!(SupportedCodec::matching(&codec).is_err());
    }

    #[test]
    fn h264_is_supported_in_the_modes_that_send_pictures_in_order() {
        let mut codec = RtpCodecCapability::new(MediaKind::Video, "video/h264", 90_000);
        assert!(SupportedCodec::matching(&codec).is_ok());
        for (mode, supported) in [(0, true), (1, true), (2, false)] {
            codec.parameters.insert("packetization-mode", mode);
            assert_eq!(SupportedCodec::matching(&codec).is_ok(), supported);
        }
    }
}
