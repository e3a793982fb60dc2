//! How what a producer sends becomes what its router forwards.

use serde::{Deserialize, Serialize};

use super::{Codec, MappingError, RtpCapabilities, RtpCodecParameters, RtpParameters};

/// How the payload types and SSRCs of a producer become those that its router forwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpMapping {
    /// One for each codec of the producer, RTX codecs last.
    pub codecs: Vec<CodecMapping>,
    /// One for each encoding of the producer, in the same order.
    pub encodings: Vec<EncodingMapping>,
}

crate::snapshot::state! { struct RtpMapping { codecs, encodings } }

impl RtpMapping {
    /// The payload type that `payload_type` becomes.
    pub fn mapped_payload_type(&self, payload_type: u8) -> Option<u8> {
        self.codecs
            .iter()
            .find(|codec| codec.payload_type == payload_type)
            .map(|codec| codec.mapped_payload_type)
    }
}

/// What becomes of a payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodecMapping {
    /// The payload type in the producer's packets.
    pub payload_type: u8,
    /// The payload type in the router's.
    pub mapped_payload_type: u8,
}

crate::snapshot::state! { struct CodecMapping { payload_type, mapped_payload_type } }

/// What becomes of an encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncodingMapping {
    /// The SSRC of the producer's encoding, if it stated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssrc: Option<u32>,
    /// The RID of the producer's encoding, if it stated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The SSRC in the router.
    pub mapped_ssrc: u32,
}

crate::snapshot::state! { struct EncodingMapping { ssrc, rid, mapped_ssrc } }

/// Maps the validated `parameters` of a producer to the `capabilities` of its router.
///
/// The encodings get `first_mapped_ssrc` and the numbers that follow (wrapping); mediasoup draws a
/// random number of nine digits for it.
///
/// # Errors
///
/// A codec that the router does not have, or has in another profile; an RTX codec for a codec that
/// is missing on either side.
pub fn rtp_mapping(
    parameters: &RtpParameters,
    capabilities: &RtpCapabilities,
    first_mapped_ssrc: u32,
) -> Result<RtpMapping, MappingError> {
    Ok(RtpMapping {
        codecs: map_codecs(&parameters.codecs, capabilities)?,
        encodings: map_encodings(parameters, first_mapped_ssrc),
    })
}

fn map_codecs(
    codecs: &[RtpCodecParameters],
    capabilities: &RtpCapabilities,
) -> Result<Vec<CodecMapping>, MappingError> {
    let (rtx, media): (Vec<_>, Vec<_>) =
        codecs.iter().partition(|codec| codec.codec() == Codec::Rtx);
    let media = media
        .into_iter()
        .map(|codec| map_media(codec, capabilities));
    let rtx = rtx
        .into_iter()
        .map(|codec| map_rtx(codec, codecs, capabilities));
    media.chain(rtx).collect()
}

fn map_media(
    codec: &RtpCodecParameters,
    capabilities: &RtpCapabilities,
) -> Result<CodecMapping, MappingError> {
    let payload_type = codec.payload_type;
    let found = capabilities.codec_like(codec);
    let found = found.map_err(|difference| MappingError::CodecUnsupported {
        payload_type,
        difference,
    })?;
    let mapped = found.preferred_payload_type;
    let mapped_payload_type = mapped.ok_or_else(|| MappingError::PayloadTypeMissing {
        mime_type: found.mime_type.clone(),
    })?;
    Ok(CodecMapping {
        payload_type,
        mapped_payload_type,
    })
}

fn map_rtx(
    rtx: &RtpCodecParameters,
    codecs: &[RtpCodecParameters],
    capabilities: &RtpCapabilities,
) -> Result<CodecMapping, MappingError> {
    let payload_type = rtx.payload_type;
    let media = codecs
        .iter()
        .find(|codec| codec.codec() != Codec::Rtx && rtx.is_rtx_of(codec.payload_type))
        .ok_or(MappingError::RtxWithoutMedia { payload_type })?;
    let mapped = map_media(media, capabilities)?.mapped_payload_type;
    let found = capabilities
        .rtx_of(mapped)
        .and_then(|found| found.preferred_payload_type);
    let mapped_payload_type = found.ok_or_else(|| MappingError::RtxUnsupported {
        mime_type: media.mime_type.clone(),
        mapped_payload_type: mapped,
    })?;
    Ok(CodecMapping {
        payload_type,
        mapped_payload_type,
    })
}

fn map_encodings(parameters: &RtpParameters, first_mapped_ssrc: u32) -> Vec<EncodingMapping> {
    let encodings = parameters.encodings.iter();
    (0..)
        .zip(encodings)
        .map(|(index, encoding)| EncodingMapping {
            ssrc: encoding.ssrc,
            rid: encoding.rid.clone(),
            mapped_ssrc: first_mapped_ssrc.wrapping_add(index),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::samples::{codec, encoding, router, rtx, vp8};

    fn mapped(change: impl FnOnce(&mut RtpParameters)) -> Result<RtpMapping, MappingError> {
        let mut parameters = vp8();
        change(&mut parameters);
        rtp_mapping(&parameters, &router(), 500)
    }

    #[test]
    fn every_codec_gets_the_payload_type_of_the_router() {
        let mapping = mapped(|p| p.codecs.push(codec("video/VP9", 98))).unwrap();
        assert_eq!(mapping.mapped_payload_type(96), Some(101));
        assert_eq!(mapping.mapped_payload_type(97), Some(102));
        assert_eq!(mapping.mapped_payload_type(98), Some(103));
        assert_eq!(mapping.mapped_payload_type(99), None);
    }

    #[test]
    fn ssrcs_count_up_and_wrap() {
        let mut parameters = vp8();
        parameters.encodings.push(encoding(12));
        let mapping = rtp_mapping(&parameters, &router(), u32::MAX).unwrap();
        let ssrcs: Vec<_> = mapping.encodings.iter().map(|e| e.mapped_ssrc).collect();
        assert_eq!(ssrcs, [u32::MAX, 0]);
    }

    #[test]
    fn a_codec_that_the_router_lacks() {
        let mut profile_2 = codec("video/VP9", 98);
        profile_2.parameters.insert("profile-id", 2);
        // The codec, and what of it the router lacks.
        for (lacking, parameter) in [
            (codec("video/VC1", 98), "mimeType"),
            (codec("video/ulpfec", 98), "mimeType"),
            (profile_2, "profile-id"),
        ] {
            let mime_type = lacking.mime_type.clone();
            let refused = mapped(|p| p.codecs.push(lacking));
            let Err(MappingError::CodecUnsupported {
                payload_type: 98,
                difference,
            }) = refused
            else {
                panic!("{refused:?}");
            };
            assert_eq!(
                (difference.mime_type, difference.parameter),
                (mime_type, parameter)
            );
        }
    }

    #[test]
    fn a_router_whose_codec_has_no_payload_type() {
        let mut router = router();
        for codec in &mut router.codecs {
            codec.preferred_payload_type = None;
        }
        let mime_type = "video/VP8".to_owned();
        let refused = MappingError::PayloadTypeMissing { mime_type };
        assert_eq!(rtp_mapping(&vp8(), &router, 1), Err(refused));
    }

    #[test]
    fn an_rtx_codec_for_nothing() {
        let payload_type = 99;
        assert_eq!(
            mapped(|p| p.codecs.push(rtx(99, 98))),
            Err(MappingError::RtxWithoutMedia { payload_type })
        );
        assert_eq!(
            mapped(|p| p.codecs.push(rtx(99, 97))),
            Err(MappingError::RtxWithoutMedia { payload_type }),
            "RTX of RTX"
        );
    }

    #[test]
    fn an_rtx_codec_that_the_router_lacks() {
        let mut router = router();
        router.codecs.retain(|codec| codec.codec() != Codec::Rtx);
        assert_eq!(
            rtp_mapping(&vp8(), &router, 1),
            Err(MappingError::RtxUnsupported {
                mime_type: "video/VP8".into(),
                mapped_payload_type: 101
            })
        );
    }
}
