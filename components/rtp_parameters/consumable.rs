//! What consumers of a producer can be given.

use super::profile_level_id::ProfileLevelId;
use super::{
    Codec, FormatParameters, HeaderExtension, MappingError, MediaKind, RtcpParameters,
    RtpCapabilities, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtension, RtpHeaderExtensionParameters, RtpMapping, RtpParameters,
};

/// The parameters that consumers of a producer start from, in terms of its router.
///
/// Each media codec is the router's with the parameters of the producer, followed by the router's
/// RTX codec for it. Header extensions are those of `kind` that routers send; abs-capture-time only
/// if the producer sends it. Encodings have mapped SSRCs and no RID. There is no MID.
///
/// The `profile-level-id` of an H264 codec is the answer to the router's (RFC 6184, section 8.2.2).
/// mediasoup writes that into the producer's own parameters as well; here those stay as they are.
///
/// # Errors
///
/// When `mapping` is not that of `parameters` and `capabilities`.
pub fn consumable_parameters(
    kind: MediaKind,
    parameters: &RtpParameters,
    capabilities: &RtpCapabilities,
    mapping: &RtpMapping,
) -> Result<RtpParameters, MappingError> {
    let mut codecs = Vec::new();
    let media = parameters.codecs.iter();
    for codec in media.filter(|codec| codec.codec() != Codec::Rtx) {
        codecs.extend(consumable_codecs(codec, capabilities, mapping)?);
    }
    Ok(RtpParameters {
        mid: None,
        codecs,
        header_extensions: consumable_extensions(kind, parameters, capabilities),
        encodings: consumable_encodings(&parameters.encodings, mapping)?,
        rtcp: RtcpParameters {
            cname: parameters.rtcp.cname.clone(),
            reduced_size: true,
        },
        msid: parameters.msid.clone(),
    })
}

/// The router's codec for `codec` and the RTX codec that goes with it.
fn consumable_codecs(
    codec: &RtpCodecParameters,
    capabilities: &RtpCapabilities,
    mapping: &RtpMapping,
) -> Result<impl Iterator<Item = RtpCodecParameters>, MappingError> {
    let payload_type = codec.payload_type;
    let unmapped = MappingError::CodecUnmapped { payload_type };
    let mapped = mapping.mapped_payload_type(payload_type);
    let matched = capabilities
        .codecs
        .iter()
        .find(|capability| mapped.is_some() && capability.preferred_payload_type == mapped)
        .ok_or(unmapped)?;
    let media = RtpCodecParameters {
        parameters: answered(codec, matched),
        ..as_parameters(matched)
    };
    let rtx = capabilities.rtx_of(media.payload_type).map(as_parameters);
    Ok([Some(media), rtx].into_iter().flatten())
}

/// The parameters of `codec`, with the H264 level that it and the router's `capability` agree on.
fn answered(codec: &RtpCodecParameters, capability: &RtpCodecCapability) -> FormatParameters {
    let mut parameters = codec.parameters.clone();
    if codec.codec() == Codec::H264 {
        match ProfileLevelId::answer(&codec.parameters, &capability.parameters) {
            Some(answer) => parameters.insert("profile-level-id", answer),
            None => parameters.remove("profile-level-id"),
        };
    }
    parameters
}

fn as_parameters(capability: &RtpCodecCapability) -> RtpCodecParameters {
    RtpCodecParameters {
        mime_type: capability.mime_type.clone(),
        payload_type: capability.preferred_payload_type.unwrap_or_default(),
        clock_rate: capability.clock_rate,
        channels: capability.channels,
        parameters: capability.parameters.clone(),
        rtcp_feedback: capability.rtcp_feedback.clone(),
    }
}

fn consumable_extensions(
    kind: MediaKind,
    parameters: &RtpParameters,
    capabilities: &RtpCapabilities,
) -> Vec<RtpHeaderExtensionParameters> {
    let has_capture_time = parameters.header_extension_ids().abs_capture_time.is_some();
    let is_sent = |extension: &&RtpHeaderExtension| {
        extension.kind == kind
            && extension.direction.sends()
            && (has_capture_time || extension.uri != HeaderExtension::AbsCaptureTime.uri())
    };
    let sent = capabilities.header_extensions.iter().filter(is_sent);
    sent.map(|extension| RtpHeaderExtensionParameters {
        encrypt: extension.preferred_encrypt,
        ..RtpHeaderExtensionParameters::new(extension.uri.clone(), extension.preferred_id)
    })
    .collect()
}

fn consumable_encodings(
    encodings: &[RtpEncodingParameters],
    mapping: &RtpMapping,
) -> Result<Vec<RtpEncodingParameters>, MappingError> {
    if encodings.len() != mapping.encodings.len() {
        return Err(MappingError::EncodingsUnmapped {
            encodings: encodings.len(),
            mapped: mapping.encodings.len(),
        });
    }
    let mapped = |(encoding, mapping): (&RtpEncodingParameters, &super::EncodingMapping)| {
        RtpEncodingParameters {
            ssrc: Some(mapping.mapped_ssrc),
            rid: None,
            rtx: None,
            codec_payload_type: None,
            ..encoding.clone()
        }
    };
    Ok(encodings
        .iter()
        .zip(&mapping.encodings)
        .map(mapped)
        .collect())
}
