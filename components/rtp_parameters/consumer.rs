//! The parameters of a consumer.

use super::consumer_codecs::{consumed_codecs, differences};
use super::numbered_by::keep_numbered;
use super::pipe::pipe_encodings;
use super::{
    Codec, ConsumerParametersError, HeaderExtension, NumberedBy, RtcpFeedback, RtcpParameters,
    RtpCapabilities, RtpCodecParameters, RtpEncodingParameters, RtpEncodingRtx,
    RtpHeaderExtensionParameters, RtpParameters, ScalabilityMode, router_id,
};
use crate::wire::header_extension::TWO_BYTE_VALUE_MAX;

/// What is asked of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerRequest {
    /// Whether lost packets may be asked for. By default mediasoup has it for video only.
    pub enable_rtx: bool,
    /// Whether every encoding is forwarded as it is, rather than one that is chosen.
    pub pipe: bool,
    /// The media id that its packets carry, 1 to 255 bytes; not used by a pipe.
    pub mid: Option<String>,
    /// The canonical name of the source; absent, that of the producer.
    pub cname: Option<String>,
    /// Whose payload types and header extension ids its packets get in the end, see
    /// [`renumbered`](super::renumbered).
    pub numbered_by: NumberedBy,
}

/// Where the SSRCs of a consumer start; mediasoup draws random numbers of nine digits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsrcBase {
    /// The SSRC of the first encoding; those that follow count up from it (wrapping).
    pub media: u32,
    /// The SSRC of the first encoding's retransmissions, for pipes. The only encoding of other
    /// consumers has the number after its own.
    pub rtx: u32,
}

/// The parameters of a consumer of a producer with `consumable` parameters, for an endpoint with
/// `remote` capabilities.
///
/// All numbers are the router's. Codecs are those the endpoint has, with its RTCP feedback. Header
/// extensions are those the endpoint has under the same id, or under any if it numbers them. Only the feedback of one congestion control is left: that of
/// transport-cc if its header extension is there, or else goog-remb if abs-send-time is, or else
/// none. Without `enable_rtx` lost packets cannot be asked for, and there is no RTX codec. Except for
/// pipes there is a single encoding, whatever the producer has. Encodings have an RTX stream when an
/// RTX codec is left.
///
/// # Errors
///
/// The endpoint has no media codec of the producer's, its capabilities are malformed, or the MID
/// does not fit.
pub fn consumer_parameters(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
    options: &ConsumerRequest,
    ssrcs: SsrcBase,
) -> Result<RtpParameters, ConsumerParametersError> {
    remote.check()?;
    let mut header_extensions = consumed_extensions(consumable, remote, options.numbered_by);
    let mut codecs = consumed_codecs(consumable, remote);
    if !codecs.first().is_some_and(|first| first.codec().is_media()) {
        let differences = differences(consumable, remote);
        return Err(ConsumerParametersError::NoCompatibleCodec { differences });
    }
    header_extensions.extend(dependency_descriptor(&codecs, remote, options.numbered_by));
    limit_feedback(&mut codecs, &header_extensions, options.enable_rtx);
    codecs.retain(|codec| options.enable_rtx || codec.codec() != Codec::Rtx);
    if options.numbered_by == NumberedBy::Receiver {
        keep_numbered(&mut codecs, remote);
    }
    let has_rtx = codecs.iter().any(|codec| codec.codec() == Codec::Rtx);
    let encodings = match options.pipe {
        true => pipe_encodings(consumable, has_rtx, ssrcs),
        false => vec![single_encoding(consumable, has_rtx, ssrcs.media)],
    };
    let cname = options
        .cname
        .clone()
        .or_else(|| consumable.rtcp.cname.clone());
    Ok(RtpParameters {
        mid: consumer_mid(options)?,
        codecs,
        header_extensions,
        encodings,
        rtcp: RtcpParameters {
            cname,
            reduced_size: true,
        },
        msid: consumable.msid.clone(),
    })
}

fn consumer_mid(options: &ConsumerRequest) -> Result<Option<String>, ConsumerParametersError> {
    let mid = options.mid.clone().filter(|_| !options.pipe);
    match mid {
        Some(mid) if !(1..=TWO_BYTE_VALUE_MAX).contains(&mid.len()) => {
            Err(ConsumerParametersError::MidInvalid { mid })
        }
        mid => Ok(mid),
    }
}

/// The dependency descriptor, for endpoints that have it under its id. Routers do not offer to send
/// it, as the reference does not, so those have it that know of it otherwise. VP9 tells the same in
/// its payload descriptor, which is the one that is changed.
fn dependency_descriptor(
    codecs: &[RtpCodecParameters],
    remote: &RtpCapabilities,
    numbered_by: NumberedBy,
) -> Option<RtpHeaderExtensionParameters> {
    let extension = HeaderExtension::DependencyDescriptor;
    let (id, uri) = (router_id(extension), extension.uri());
    let mut offered = remote.header_extensions.iter();
    let is_at = |found| numbered_by == NumberedBy::Receiver || found == id;
    let is_offered = offered.any(|found| is_at(found.preferred_id) && found.uri == uri);
    let first = codecs.first()?.codec();
    let is_told = matches!(first, Codec::Vp8 | Codec::H264 | Codec::H265 | Codec::Av1);
    (is_offered && is_told).then(|| RtpHeaderExtensionParameters::new(uri, id))
}

/// The header extensions of `consumable` that the endpoint has under the same id. For which kind it
/// has them does not matter: clients state extensions of both kinds once.
fn consumed_extensions(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
    numbered_by: NumberedBy,
) -> Vec<RtpHeaderExtensionParameters> {
    let is_consumed = |extension: &&RtpHeaderExtensionParameters| {
        let mut capabilities = remote.header_extensions.iter();
        let is_at = |id| numbered_by == NumberedBy::Receiver || id == extension.id;
        capabilities.any(|found| is_at(found.preferred_id) && found.uri == extension.uri)
    };
    consumable
        .header_extensions
        .iter()
        .filter(is_consumed)
        .cloned()
        .collect()
}

fn limit_feedback(
    codecs: &mut [RtpCodecParameters],
    extensions: &[RtpHeaderExtensionParameters],
    enable_rtx: bool,
) {
    let has = |extension: HeaderExtension| extensions.iter().any(|e| e.uri == extension.uri());
    let transport_cc = has(HeaderExtension::TransportSequence);
    let remb = !transport_cc && has(HeaderExtension::AbsSendTime);
    let is_kept = |feedback: &RtcpFeedback| match feedback.kind.as_str() {
        "transport-cc" => transport_cc,
        "goog-remb" => remb,
        "nack" => enable_rtx || !feedback.parameter.is_empty(),
        _ => true,
    };
    for codec in codecs {
        codec.rtcp_feedback.retain(is_kept);
    }
}

/// The encoding of a consumer that forwards one stream at a time.
fn single_encoding(consumable: &RtpParameters, has_rtx: bool, ssrc: u32) -> RtpEncodingParameters {
    let encodings = &consumable.encodings;
    let bitrates = encodings.iter().filter_map(|encoding| encoding.max_bitrate);
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: has_rtx.then(|| RtpEncodingRtx {
            ssrc: ssrc.wrapping_add(1),
        }),
        scalability_mode: single_scalability_mode(encodings),
        max_bitrate: bitrates.max().filter(|&bitrate| bitrate > 0),
        ..RtpEncodingParameters::default()
    }
}

/// The mode in which a consumer sees `encodings`: those of simulcast are its spatial layers.
fn single_scalability_mode(encodings: &[RtpEncodingParameters]) -> Option<String> {
    let stated = encodings
        .iter()
        .find_map(|encoding| encoding.scalability_mode.clone());
    if encodings.len() < 2 {
        return stated;
    }
    let mode = stated
        .as_deref()
        .map(ScalabilityMode::parse)
        .unwrap_or_default();
    Some(format!("L{}T{}", encodings.len(), mode.temporal_layers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::MediaKind;
    use crate::rtp_parameters::samples::{consumable, device, encoding, opus, vp8};
    use crate::rtp_parameters::{CapabilitiesError, FormatParameters};

    const SSRCS: SsrcBase = SsrcBase {
        media: 1_000,
        rtx: 2_000,
    };

    fn options() -> ConsumerRequest {
        ConsumerRequest {
            enable_rtx: true,
            mid: Some("7".into()),
            ..Default::default()
        }
    }

    fn simulcast() -> RtpParameters {
        let mut producer = vp8();
        producer.encodings.extend([encoding(12), encoding(13)]);
        consumable(MediaKind::Video, &producer)
    }

    fn consume(remote: &RtpCapabilities, options: &ConsumerRequest) -> RtpParameters {
        consumer_parameters(&simulcast(), remote, options, SSRCS).unwrap()
    }

    fn feedback(parameters: &RtpParameters) -> Vec<String> {
        let feedback = parameters.codecs[0].rtcp_feedback.iter();
        feedback
            .map(|f| format!("{} {}", f.kind, f.parameter).trim_end().to_owned())
            .collect()
    }

    fn without(extensions: &[HeaderExtension]) -> RtpCapabilities {
        let mut remote = device();
        remote.header_extensions.retain(|capability| {
            extensions
                .iter()
                .all(|extension| extension.uri() != capability.uri)
        });
        remote
    }

    #[test]
    fn the_caller_names_the_mid_and_may_name_the_source() {
        let mut consumable = simulcast();
        consumable.rtcp.cname = Some("producer".into());
        let made = |options| {
            let made = consumer_parameters(&consumable, &device(), &options, SSRCS).unwrap();
            (made.mid.unwrap(), made.rtcp.cname.unwrap())
        };
        assert_eq!(made(options()), ("7".into(), "producer".into()));
        let cname = Some("transport".to_owned());
        let named = ConsumerRequest { cname, ..options() };
        assert_eq!(made(named), ("7".into(), "transport".into()));
    }

    #[test]
    fn only_one_congestion_control_is_left() {
        use HeaderExtension::{AbsSendTime, TransportSequence};
        let left = |remote| {
            let mut left = feedback(&consume(&remote, &options()));
            left.retain(|f| f == "transport-cc" || f == "goog-remb");
            left
        };
        assert_eq!(left(device()), ["transport-cc"]);
        assert_eq!(left(without(&[TransportSequence])), ["goog-remb"]);
        assert_eq!(left(without(&[TransportSequence, AbsSendTime])), [""; 0]);
    }

    #[test]
    fn without_rtx_nothing_lost_is_asked_for_or_sent_again() {
        for pipe in [false, true] {
            let plain = ConsumerRequest {
                enable_rtx: false,
                pipe,
                ..options()
            };
            let made = consume(&device(), &plain);
            assert_eq!(feedback(&made), ["transport-cc", "ccm fir", "nack pli"]);
            assert!(made.codecs.iter().all(|codec| codec.codec() != Codec::Rtx));
            assert!(made.encodings.iter().all(|encoding| encoding.rtx.is_none()));
        }
    }

    #[test]
    fn without_an_rtx_codec_no_encoding_has_retransmissions() {
        let mut remote = device();
        remote.codecs.retain(|codec| codec.codec() != Codec::Rtx);
        for pipe in [false, true] {
            let made = consume(&remote, &ConsumerRequest { pipe, ..options() });
            assert_eq!(made.encodings.len(), if pipe { 3 } else { 1 });
            assert!(made.encodings.iter().all(|encoding| encoding.rtx.is_none()));
        }
    }

    #[test]
    fn a_bitrate_of_zero_is_none() {
        // What the encodings of the producer say, what that of the consumer does.
        for (given, expected) in [
            ([Some(0), None], None),
            ([Some(0), Some(0)], None),
            ([Some(0), Some(9)], Some(9)),
            ([Some(8), Some(9)], Some(9)),
            ([None, None], None),
        ] {
            let mut consumable = simulcast();
            consumable.encodings.truncate(2);
            for (encoding, given) in consumable.encodings.iter_mut().zip(given) {
                encoding.max_bitrate = given;
            }
            let made = consumer_parameters(&consumable, &device(), &options(), SSRCS);
            assert_eq!(made.unwrap().encodings[0].max_bitrate, expected);
        }
    }

    #[test]
    fn simulcast_is_seen_as_spatial_layers() {
        let encodings = consume(&device(), &options()).encodings;
        assert_eq!(encodings.len(), 1);
        assert_eq!(encodings[0].scalability_mode.as_deref(), Some("L3T1"));
        assert_eq!(encodings[0].ssrc, Some(1_000));
        assert_eq!(encodings[0].rtx, Some(RtpEncodingRtx { ssrc: 1_001 }));
    }

    #[test]
    fn a_consumer_says_nothing_of_silence() {
        let mut consumable = consumable(MediaKind::Audio, &opus());
        for dtx in [None, Some(false), Some(true)] {
            consumable.encodings[0].dtx = dtx;
            let made = consumer_parameters(&consumable, &device(), &options(), SSRCS);
            assert_eq!(made.unwrap().encodings[0].dtx, None);
        }
    }

    #[test]
    fn a_pipe_has_every_encoding_and_no_mid() {
        let pipe = ConsumerRequest {
            pipe: true,
            ..options()
        };
        let made = consume(&device(), &pipe);
        assert_eq!((made.mid, made.encodings.len()), (None, 3));
        let last = &made.encodings[2];
        assert_eq!(last.ssrc, Some(1_002));
        assert_eq!(last.rtx, Some(RtpEncodingRtx { ssrc: 2_002 }));
    }

    #[test]
    fn a_mid_that_does_not_fit() {
        for mid in [String::new(), "m".repeat(256)] {
            let options = ConsumerRequest {
                mid: Some(mid.clone()),
                ..options()
            };
            assert_eq!(
                consumer_parameters(&simulcast(), &device(), &options, SSRCS),
                Err(ConsumerParametersError::MidInvalid { mid })
            );
        }
    }

    #[test]
    fn an_endpoint_that_has_no_codec_or_makes_no_sense() {
        let refusal = |remote: &RtpCapabilities| {
            consumer_parameters(&simulcast(), remote, &options(), SSRCS).unwrap_err()
        };
        assert_eq!(
            refusal(&RtpCapabilities::default()).to_string(),
            "no compatible media codec: \
             video/VP8: mimeType is video/VP8, supported is nothing"
        );
        let mut remote = device();
        remote.codecs[2].parameters = FormatParameters::from_iter([("apt", "x")]);
        let mime_type = "video/rtx".to_owned();
        let malformed = CapabilitiesError::AptNotANumber { mime_type };
        assert_eq!(
            refusal(&remote),
            ConsumerParametersError::Capabilities(malformed)
        );
    }
}
