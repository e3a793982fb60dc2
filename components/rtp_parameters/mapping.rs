//! How what a producer sends becomes what its router forwards.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::codec_match::{CodecView, matches_strictly};
use super::{Codec, RtpCapabilities, RtpCodecCapability, RtpCodecParameters, RtpParameters};

/// How the payload types and SSRCs of a producer become those that its router forwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtpMapping {
    /// One for each codec of the producer, RTX codecs last.
    pub codecs: Vec<CodecMapping>,
    /// One for each encoding of the producer, in the same order.
    pub encodings: Vec<EncodingMapping>,
}

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

/// Why a producer's parameters do not go with a router.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The router does not have this codec.
    #[error("codec {mime_type} with payload type {payload_type} is not supported by the router")]
    CodecUnsupported {
        /// The MIME type of the codec.
        mime_type: String,
        /// Its payload type.
        payload_type: u8,
    },
    /// An RTX codec for a codec that is not there.
    #[error("the RTX codec with payload type {payload_type} is for a codec that is not there")]
    RtxWithoutMedia {
        /// The payload type of the RTX codec.
        payload_type: u8,
    },
    /// The router has the codec, but no RTX codec for it.
    #[error("the router has no RTX codec for payload type {mapped_payload_type} ({mime_type})")]
    RtxUnsupported {
        /// The MIME type of the media codec.
        mime_type: String,
        /// Its payload type in the router.
        mapped_payload_type: u8,
    },
    /// The mapping is of other parameters: it lacks a codec.
    #[error("the mapping lacks payload type {payload_type}")]
    CodecUnmapped {
        /// The payload type it lacks.
        payload_type: u8,
    },
    /// The mapping is of other parameters: it has another number of encodings.
    #[error("there are {encodings} encodings, but {mapped} in the mapping")]
    EncodingsUnmapped {
        /// Number of encodings in the parameters.
        encodings: usize,
        /// Number of encodings in the mapping.
        mapped: usize,
    },
}

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

/// The codec of a router that `codec` is.
pub(super) fn router_codec<'a>(
    codec: &RtpCodecParameters,
    capabilities: &'a RtpCapabilities,
) -> Option<&'a RtpCodecCapability> {
    let view = CodecView::from(codec);
    capabilities
        .codecs
        .iter()
        .find(|capability| matches_strictly(&view, &CodecView::from(*capability)))
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
    let mapped = router_codec(codec, capabilities).and_then(|found| found.preferred_payload_type);
    let mapped_payload_type = mapped.ok_or_else(|| MappingError::CodecUnsupported {
        mime_type: codec.mime_type.clone(),
        payload_type,
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
