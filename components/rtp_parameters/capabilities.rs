//! What an endpoint or a router can handle.

use serde::Serialize;

use super::codec_match::{CodecView, Likeness, position};
use super::object::{Malformed, Object, Read, deserialize_by_reading};
use super::payload_types::PayloadTypes;
use super::supported_codec::SupportedCodec;
use super::{
    CapabilitiesError, Codec, CodecDifference, HeaderExtension, MediaKind, RtpCodecCapability,
    RtpCodecParameters, RtpHeaderExtension, RtpHeaderExtensionDirection, router_id,
};

/// The RTP capabilities of an endpoint or of a router.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpCapabilities {
    /// The codecs it can handle: media codecs, and RTX codecs that retransmit them.
    pub codecs: Vec<RtpCodecCapability>,
    /// The header extensions it can handle.
    pub header_extensions: Vec<RtpHeaderExtension>,
}

crate::snapshot::state! { struct RtpCapabilities { codecs, header_extensions } }

impl RtpCapabilities {
    /// The capabilities of a router that forwards `media_codecs`.
    ///
    /// Each codec keeps its parameters and gets the RTCP feedback this engine handles; each video
    /// codec is followed by its RTX codec. Payload types that are preferred are honoured; other
    /// codecs have their static one (RFC 3551, table 4) if it is free, or the next of 100 to 127 and
    /// then 96 to 99. Preferences are set aside before anything is handed out, also those of later
    /// codecs (mediasoup refuses the latter when the number went elsewhere meanwhile).
    ///
    /// # Errors
    ///
    /// A codec that is malformed or not supported, two that prefer the same payload type, or more
    /// than there are payload types for.
    pub fn generate(media_codecs: &[RtpCodecCapability]) -> Result<Self, CapabilitiesError> {
        media_codecs
            .iter()
            .try_for_each(RtpCodecCapability::check)?;
        let mut payload_types = PayloadTypes::new(media_codecs)?;
        let mut codecs = Vec::with_capacity(media_codecs.len() * 2);
        for media_codec in media_codecs {
            let codec = router_codec(media_codec, &mut payload_types)?;
            let rtx = rtx_codec(&codec, &mut payload_types)?;
            codecs.push(codec);
            codecs.extend(rtx);
        }
        Ok(Self {
            codecs,
            header_extensions: router_header_extensions(),
        })
    }

    /// The capabilities in normal form: audio codecs state their channels and video codecs do not.
    ///
    /// # Errors
    ///
    /// A MIME type that is neither `audio/…` nor `video/…`, an `apt` that is not a number, or a
    /// payload type above 127.
    pub fn validated(mut self) -> Result<Self, CapabilitiesError> {
        self.check()?;
        self.codecs
            .iter_mut()
            .for_each(RtpCodecCapability::normalise);
        Ok(self)
    }

    pub(super) fn check(&self) -> Result<(), CapabilitiesError> {
        self.codecs.iter().try_for_each(RtpCodecCapability::check)
    }

    /// The codec in which a stream of `codec` can be decoded, or in what that differs from all.
    pub(super) fn codec_like(
        &self,
        codec: &RtpCodecParameters,
    ) -> Result<&RtpCodecCapability, CodecDifference> {
        let views = self.codecs.iter().map(CodecView::from);
        let position = position(&CodecView::from(codec), views, Likeness::Profile)?;
        Ok(&self.codecs[position])
    }

    /// The RTX codec that retransmits packets of `payload_type`.
    pub(super) fn rtx_of(&self, payload_type: u8) -> Option<&RtpCodecCapability> {
        self.codecs
            .iter()
            .find(|codec| codec.codec() == Codec::Rtx && codec.apt() == Some(payload_type))
    }
}

impl Read for RtpCapabilities {
    const NAME: &'static str = "rtpCapabilities";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            codecs: object.list("codecs")?,
            header_extensions: object.list("headerExtensions")?,
        })
    }
}

deserialize_by_reading!(RtpCapabilities);

/// What a router makes of `media_codec`.
fn router_codec(
    media_codec: &RtpCodecCapability,
    payload_types: &mut PayloadTypes,
) -> Result<RtpCodecCapability, CapabilitiesError> {
    let supported = SupportedCodec::matching(media_codec)?;
    let preferred = media_codec.preferred_payload_type;
    let payload_type = match preferred {
        Some(payload_type) => payload_type,
        None => payload_types.take(supported.payload_type, &media_codec.mime_type)?,
    };
    let mut codec = supported.capability();
    codec.preferred_payload_type = Some(payload_type);
    let parameters = media_codec.parameters.iter();
    codec
        .parameters
        .extend(parameters.map(|(name, value)| (name.clone(), value.clone())));
    Ok(codec)
}

/// The RTX codec for `codec` if that is video.
fn rtx_codec(
    codec: &RtpCodecCapability,
    payload_types: &mut PayloadTypes,
) -> Result<Option<RtpCodecCapability>, CapabilitiesError> {
    let Some(apt) = codec.preferred_payload_type else {
        return Ok(None);
    };
    if codec.kind != MediaKind::Video {
        return Ok(None);
    }
    let mut rtx = RtpCodecCapability::new(MediaKind::Video, "video/rtx", codec.clock_rate);
    rtx.preferred_payload_type = Some(payload_types.take(None, &rtx.mime_type)?);
    rtx.parameters.insert("apt", i64::from(apt));
    Ok(Some(rtx))
}

fn router_header_extensions() -> Vec<RtpHeaderExtension> {
    let both = [MediaKind::Audio, MediaKind::Video];
    let of_each_kind = |extension: HeaderExtension| {
        both.into_iter().filter_map(move |kind| {
            Some(RtpHeaderExtension {
                kind,
                uri: extension.uri().to_owned(),
                preferred_id: router_id(extension),
                preferred_encrypt: false,
                direction: router_direction(extension, kind)?,
            })
        })
    };
    HeaderExtension::ALL
        .into_iter()
        .flat_map(of_each_kind)
        .collect()
}

/// How routers use `extension` for `kind`, if they do.
const fn router_direction(
    extension: HeaderExtension,
    kind: MediaKind,
) -> Option<RtpHeaderExtensionDirection> {
    use HeaderExtension as E;
    use RtpHeaderExtensionDirection::{RecvOnly, SendRecv};
    match (extension, kind) {
        (E::Mid | E::AbsSendTime | E::AbsCaptureTime | E::PlayoutDelay | E::PacketId, _) => {
            Some(SendRecv)
        }
        // Consumers of audio do not take part in congestion control.
        (E::TransportSequence, MediaKind::Audio) => Some(RecvOnly),
        (E::AudioLevel, MediaKind::Audio) => Some(SendRecv),
        (E::TransportSequence | E::VideoOrientation | E::TransmissionOffset, MediaKind::Video) => {
            Some(SendRecv)
        }
        // Forwarded streams are known by SSRC; the descriptor is sent through pipes only.
        (E::Rid | E::RepairedRid | E::DependencyDescriptor, MediaKind::Video) => Some(RecvOnly),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::samples::device;

    fn video(mime_type: &str) -> RtpCodecCapability {
        RtpCodecCapability::new(MediaKind::Video, mime_type, 90_000)
    }

    fn audio(mime_type: &str, clock_rate: u32) -> RtpCodecCapability {
        RtpCodecCapability::new(MediaKind::Audio, mime_type, clock_rate)
    }

    fn preferring(payload_type: u8, codec: RtpCodecCapability) -> RtpCodecCapability {
        RtpCodecCapability {
            preferred_payload_type: Some(payload_type),
            ..codec
        }
    }

    fn payload_types(codecs: &[RtpCodecCapability]) -> Vec<u8> {
        let capabilities = RtpCapabilities::generate(codecs).unwrap();
        let codecs = capabilities.codecs.iter();
        codecs
            .filter_map(|codec| codec.preferred_payload_type)
            .collect()
    }

    #[test]
    fn preferences_are_honoured_wherever_they_stand() {
        let codecs = [video("video/VP8"), preferring(101, video("video/VP9"))];
        assert_eq!(payload_types(&codecs), [100, 102, 101, 103]);
    }

    #[test]
    fn static_payload_types_are_kept_when_they_are_free() {
        let codecs = [audio("audio/PCMU", 8_000), audio("audio/pcma", 8_000)];
        assert_eq!(payload_types(&codecs), [0, 8]);
        let codecs = [audio("audio/PCMU", 8_000), audio("audio/PCMU", 8_000)];
        assert_eq!(payload_types(&codecs), [0, 100]);
        for clock_rate in [8_000, 16_000, 32_000] {
            assert_eq!(payload_types(&[audio("audio/CN", clock_rate)]), [13]);
        }
        let codecs = [audio("audio/CN", 16_000), audio("audio/CN", 8_000)];
        assert_eq!(payload_types(&codecs), [13, 100]);
    }

    #[test]
    fn after_127_comes_96() {
        let codecs = vec![audio("audio/iLBC", 8_000); 32];
        let expected: Vec<u8> = (100..=127).chain(96..=99).collect();
        assert_eq!(payload_types(&codecs), expected);
        assert_eq!(
            RtpCapabilities::generate(&vec![video("video/VP8"); 17]),
            Err(CapabilitiesError::PayloadTypesExhausted {
                mime_type: "video/VP8".into()
            })
        );
    }

    #[test]
    fn a_payload_type_preferred_twice() {
        let codecs = [
            preferring(110, video("video/VP8")),
            preferring(110, video("video/VP9")),
        ];
        assert_eq!(
            RtpCapabilities::generate(&codecs),
            Err(CapabilitiesError::PayloadTypeDuplicated { payload_type: 110 })
        );
    }

    #[test]
    fn a_payload_type_that_does_not_fit() {
        let refused = CapabilitiesError::PayloadTypeOutOfRange { payload_type: 128 };
        let codecs = vec![preferring(128, video("video/VP8"))];
        assert_eq!(RtpCapabilities::generate(&codecs), Err(refused.clone()));
        let capabilities = RtpCapabilities {
            codecs,
            ..Default::default()
        };
        assert_eq!(capabilities.validated(), Err(refused));
    }

    #[test]
    fn codecs_that_no_router_forwards() {
        let stereo = RtpCodecCapability {
            channels: Some(2),
            ..audio("audio/PCMU", 8_000)
        };
        let mut h264 = video("video/H264");
        h264.parameters.insert("packetization-mode", 2);
        // The codec, and what of it is not supported.
        for (codec, parameter) in [
            (video("video/VC1"), "mimeType"),
            (video("video/rtx"), "mimeType"),
            (audio("video/VP8", 48_000), "clockRate"),
            (audio("audio/opus", 48_000), "channels"),
            (stereo, "channels"),
            (h264, "packetization-mode"),
        ] {
            let refused = RtpCapabilities::generate(std::slice::from_ref(&codec));
            let Err(CapabilitiesError::CodecUnsupported { difference }) = refused else {
                panic!("{refused:?}");
            };
            let named = (difference.mime_type, difference.parameter);
            assert_eq!(named, (codec.mime_type, parameter));
            assert!(!difference.supported.is_empty());
        }
    }

    #[test]
    fn capabilities_that_are_malformed() {
        let refusal = |codec| {
            let capabilities = RtpCapabilities {
                codecs: vec![codec],
                ..Default::default()
            };
            capabilities.validated().unwrap_err()
        };
        assert_eq!(
            refusal(video("VP8")),
            CapabilitiesError::MimeTypeInvalid {
                mime_type: "VP8".into()
            }
        );
        let mut rtx = video("video/rtx");
        rtx.parameters.insert("apt", "96");
        assert_eq!(
            refusal(rtx),
            CapabilitiesError::AptNotANumber {
                mime_type: "video/rtx".into()
            }
        );
    }

    #[test]
    fn capabilities_are_brought_into_normal_form() {
        let mut given = device();
        given.codecs[0].channels = None;
        given.codecs[0].kind = MediaKind::Video;
        given.codecs[1].channels = Some(3);
        let valid = given.validated().unwrap();
        assert_eq!(valid.codecs[0].channels, Some(1));
        assert_eq!(valid.codecs[0].kind, MediaKind::Audio);
        assert_eq!(valid.codecs[1].channels, None);
    }
}
