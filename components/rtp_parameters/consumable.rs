//! What consumers of a producer can be given.

use super::profile_level_id::ProfileLevelId;
use super::{
    Codec, EncodingMapping, FormatParameters, HeaderExtension, MappingError, MediaKind,
    RtcpParameters, RtpCapabilities, RtpCodecCapability, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtension, RtpHeaderExtensionParameters, RtpMapping, RtpParameters,
};

/// The parameters that consumers of a producer start from, in terms of its router.
///
/// Each media codec is the router's with the parameters of the producer, followed by the router's
/// RTX codec for it. Header extensions are those of `kind` that routers send; abs-capture-time only
/// if the producer sends it. Encodings have mapped SSRCs and no RID. There is no MID.
///
/// Where several codecs of the producer are the same codec of the router, the first counts; mediasoup
/// repeats the payload type.
///
/// The `profile-level-id` of an H264 codec is the answer to the router's (RFC 6184, section 8.2.2), and
/// the `level-id` of an H265 codec is no higher than the router's (RFC 7798, section 7.2.2).
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
    Ok(RtpParameters {
        mid: None,
        codecs: consumable_codecs(&parameters.codecs, capabilities, mapping)?,
        header_extensions: consumable_extensions(kind, parameters, capabilities),
        encodings: consumable_encodings(&parameters.encodings, mapping)?,
        rtcp: RtcpParameters {
            cname: parameters.rtcp.cname.clone(),
            reduced_size: true,
        },
        msid: parameters.msid.clone(),
    })
}

/// The codecs of the router that `codecs` are, each once.
fn consumable_codecs(
    codecs: &[RtpCodecParameters],
    capabilities: &RtpCapabilities,
    mapping: &RtpMapping,
) -> Result<Vec<RtpCodecParameters>, MappingError> {
    let mut consumable: Vec<RtpCodecParameters> = Vec::new();
    for codec in codecs {
        if codec.codec() == Codec::Rtx {
            continue;
        }
        let matched = matched_capability(codec, capabilities, mapping)?;
        let mut known = consumable.iter().map(|known| Some(known.payload_type));
        if !known.any(|payload_type| payload_type == matched.preferred_payload_type) {
            consumable.extend(codec_and_rtx(codec, matched, capabilities));
        }
    }
    Ok(consumable)
}

/// The codec of the router that `mapping` has for `codec`.
fn matched_capability<'a>(
    codec: &RtpCodecParameters,
    capabilities: &'a RtpCapabilities,
    mapping: &RtpMapping,
) -> Result<&'a RtpCodecCapability, MappingError> {
    let payload_type = codec.payload_type;
    let mapped = mapping.mapped_payload_type(payload_type);
    capabilities
        .codecs
        .iter()
        .find(|capability| mapped.is_some() && capability.preferred_payload_type == mapped)
        .ok_or(MappingError::CodecUnmapped { payload_type })
}

/// What consumers get for `codec`: the codec of the router, and the RTX codec that goes with it.
fn codec_and_rtx(
    codec: &RtpCodecParameters,
    matched: &RtpCodecCapability,
    capabilities: &RtpCapabilities,
) -> impl Iterator<Item = RtpCodecParameters> {
    let media = RtpCodecParameters {
        parameters: answered(codec, matched),
        ..as_parameters(matched)
    };
    let rtx = capabilities.rtx_of(media.payload_type).map(as_parameters);
    [Some(media), rtx].into_iter().flatten()
}

/// The parameters of `codec`, with the level that it and the router's `capability` agree on.
fn answered(codec: &RtpCodecParameters, capability: &RtpCodecCapability) -> FormatParameters {
    let mut parameters = codec.parameters.clone();
    match codec.codec() {
        Codec::H264 => match ProfileLevelId::answer(&codec.parameters, &capability.parameters) {
            Some(answer) => parameters.insert("profile-level-id", answer),
            None => parameters.remove("profile-level-id"),
        },
        Codec::H265 => match h265_level(&codec.parameters, &capability.parameters) {
            Some(level) => parameters.insert("level-id", level),
            None => None,
        },
        _ => None,
    };
    parameters
}

/// The level of H.265 that is sent on, no higher than that of a router that states one; none when
/// neither does.
fn h265_level(codec: &FormatParameters, router: &FormatParameters) -> Option<i64> {
    let [codec, router] = [codec, router].map(|parameters| parameters.integer("level-id"));
    match router {
        None => codec,
        Some(router) => Some(router.min(codec.unwrap_or(H265_LEVEL))),
    }
}

/// Level 3.1: that of who states none (RFC 7798, section 7.1).
const H265_LEVEL: i64 = 93;

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
    let mapped =
        |(encoding, mapping): (&RtpEncodingParameters, &EncodingMapping)| RtpEncodingParameters {
            ssrc: Some(mapping.mapped_ssrc),
            rid: None,
            rtx: None,
            codec_payload_type: None,
            ..encoding.clone()
        };
    Ok(encodings
        .iter()
        .zip(&mapping.encodings)
        .map(mapped)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::router_id;
    use super::*;
    use crate::rtp_parameters::samples::{codec, consumable, encoding, router, vp8};
    use crate::rtp_parameters::{FormatValue, rtp_mapping};

    fn h264(payload_type: u8, id: &str, asymmetry: i64) -> RtpCodecParameters {
        let mut h264 = codec("video/H264", payload_type);
        h264.parameters.extend([
            ("packetization-mode", FormatValue::from(1)),
            ("profile-level-id", FormatValue::from(id)),
            ("level-asymmetry-allowed", FormatValue::from(asymmetry)),
        ]);
        h264
    }

    fn level_of(codec: RtpCodecParameters) -> String {
        let mut producer = vp8();
        producer.codecs = vec![codec];
        let consumable = consumable(MediaKind::Video, &producer);
        let parameters = &consumable.codecs[0].parameters;
        parameters.text("profile-level-id").unwrap().into_owned()
    }

    #[test]
    fn a_level_is_the_producers_when_both_sides_allow_it_to_differ() {
        assert_eq!(level_of(h264(96, "42e034", 1)), "42e034");
        assert_eq!(level_of(h264(96, "42e034", 0)), "42e01f");
        assert_eq!(level_of(h264(96, "42e015", 0)), "42e015");
    }

    #[test]
    fn a_level_of_h265_is_no_higher_than_that_of_the_router() {
        let level = |level: Option<i64>| {
            let mut parameters = FormatParameters::default();
            level.map(|level| parameters.insert("level-id", level));
            parameters
        };
        for (codec, router, expected) in [
            (None, None, None),
            (Some(120), None, Some(120)),
            (None, Some(120), Some(93)),
            (None, Some(60), Some(60)),
            (Some(120), Some(150), Some(120)),
        ] {
            let (codec, router) = (level(codec), level(router));
            let found = h265_level(&codec, &router);
            assert_eq!(found, expected, "{codec:?} {router:?}");
        }
    }

    #[test]
    fn two_codecs_that_are_one_in_the_router_stay_one() {
        let mut producer = vp8();
        producer.codecs = vec![h264(96, "42e01f", 1), h264(97, "42e034", 1)];
        let consumable = consumable(MediaKind::Video, &producer);
        let payload_types: Vec<_> = consumable.codecs.iter().map(|c| c.payload_type).collect();
        assert_eq!(payload_types, [105, 106]);
        let first = consumable.codecs[0].parameters.text("profile-level-id");
        assert_eq!(first.unwrap(), "42e01f");
    }

    #[test]
    fn the_capture_time_is_there_only_if_the_producer_sends_it() {
        let capture_time = HeaderExtension::AbsCaptureTime;
        let mut producer = vp8();
        let without = consumable(MediaKind::Video, &producer).header_extension_ids();
        assert_eq!(without.abs_capture_time, None);
        let stated = RtpHeaderExtensionParameters::new(capture_time.uri(), 5);
        producer.header_extensions.push(stated);
        let with = consumable(MediaKind::Video, &producer).header_extension_ids();
        assert_eq!(with.abs_capture_time, Some(router_id(capture_time)));
    }

    #[test]
    fn a_mapping_of_other_parameters() {
        let video = MediaKind::Video;
        let mapping = rtp_mapping(&vp8(), &router(), 1).unwrap();
        let mut other = vp8();
        other.codecs.push(codec("video/VP9", 98));
        assert_eq!(
            consumable_parameters(video, &other, &router(), &mapping),
            Err(MappingError::CodecUnmapped { payload_type: 98 })
        );
        let mut other = vp8();
        other.encodings.push(encoding(12));
        assert_eq!(
            consumable_parameters(video, &other, &router(), &mapping),
            Err(MappingError::EncodingsUnmapped {
                encodings: 2,
                mapped: 1
            })
        );
    }
}
