//! The parameters of a consumer.

use super::consumer_codecs::consumed_codecs;
use super::pipe::pipe_encodings;
use super::{
    Codec, ConsumerParametersError, HeaderExtension, MAX_MID_BYTES, RtcpFeedback, RtcpParameters,
    RtpCapabilities, RtpCodecParameters, RtpEncodingParameters, RtpEncodingRtx,
    RtpHeaderExtensionParameters, RtpParameters, ScalabilityMode,
};

/// What is asked of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// Whether lost packets may be asked for. By default mediasoup has it for video only.
    pub enable_rtx: bool,
    /// Whether every encoding is forwarded as it is, rather than one that is chosen.
    pub pipe: bool,
    /// The media id that its packets carry, 1 to 8 bytes; not used by a pipe.
    pub mid: Option<String>,
    /// The canonical name of the source; absent, that of the producer.
    pub cname: Option<String>,
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
/// Codecs are those the endpoint has, with its RTCP feedback. Header extensions are those the
/// endpoint has under the same id. Only the feedback of one congestion control is left: that of
/// transport-cc if its header extension is there, or else goog-remb if abs-send-time is, or else
/// none. Without `enable_rtx` lost packets cannot be asked for. Except for pipes there is a single
/// encoding, whatever the producer has.
///
/// # Errors
///
/// The endpoint has no media codec of the producer's, its capabilities are malformed, or the MID
/// does not fit.
pub fn consumer_parameters(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
    options: &ConsumerOptions,
    ssrcs: SsrcBase,
) -> Result<RtpParameters, ConsumerParametersError> {
    remote.check()?;
    let header_extensions = consumed_extensions(consumable, remote);
    let mut codecs = consumed_codecs(consumable, remote);
    require_media(&codecs)?;
    limit_feedback(&mut codecs, &header_extensions, options.enable_rtx);
    if options.pipe && !options.enable_rtx {
        codecs.retain(|codec| codec.codec() != Codec::Rtx);
    }
    let encodings = match options.pipe {
        true => pipe_encodings(consumable, options.enable_rtx, ssrcs),
        false => vec![single_encoding(consumable, &codecs, ssrcs.media)],
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

fn consumer_mid(options: &ConsumerOptions) -> Result<Option<String>, ConsumerParametersError> {
    let mid = options.mid.clone().filter(|_| !options.pipe);
    match mid {
        Some(mid) if !(1..=MAX_MID_BYTES).contains(&mid.len()) => {
            Err(ConsumerParametersError::MidInvalid { mid })
        }
        mid => Ok(mid),
    }
}

fn require_media(codecs: &[RtpCodecParameters]) -> Result<(), ConsumerParametersError> {
    match codecs.first() {
        Some(first) if first.codec().is_media() => Ok(()),
        _ => Err(ConsumerParametersError::NoCompatibleCodec),
    }
}

/// The header extensions of `consumable` that the endpoint has under the same id. For which kind it
/// has them does not matter: clients state extensions of both kinds once.
fn consumed_extensions(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
) -> Vec<RtpHeaderExtensionParameters> {
    let is_consumed = |extension: &&RtpHeaderExtensionParameters| {
        let mut capabilities = remote.header_extensions.iter();
        capabilities.any(|found| found.preferred_id == extension.id && found.uri == extension.uri)
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
fn single_encoding(
    consumable: &RtpParameters,
    codecs: &[RtpCodecParameters],
    ssrc: u32,
) -> RtpEncodingParameters {
    let encodings = &consumable.encodings;
    let has_rtx = codecs.iter().any(|codec| codec.codec() == Codec::Rtx);
    let has_dtx = encodings.iter().any(|encoding| encoding.dtx == Some(true));
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: has_rtx.then(|| RtpEncodingRtx {
            ssrc: ssrc.wrapping_add(1),
        }),
        dtx: has_dtx.then_some(true),
        scalability_mode: single_scalability_mode(encodings),
        max_bitrate: encodings
            .iter()
            .filter_map(|encoding| encoding.max_bitrate)
            .max(),
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

    fn options() -> ConsumerOptions {
        ConsumerOptions {
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

    fn consume(remote: &RtpCapabilities, options: &ConsumerOptions) -> RtpParameters {
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
        let named = ConsumerOptions { cname, ..options() };
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
    fn without_rtx_nothing_lost_is_asked_for() {
        let plain = ConsumerOptions {
            enable_rtx: false,
            ..options()
        };
        assert_eq!(
            feedback(&consume(&device(), &plain)),
            ["transport-cc", "ccm fir", "nack pli"]
        );
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
    fn silence_is_stated_only_when_it_may_be() {
        let mut consumable = consumable(MediaKind::Audio, &opus());
        let dtx = |consumable: &RtpParameters| {
            let made = consumer_parameters(consumable, &device(), &options(), SSRCS);
            made.unwrap().encodings[0].dtx
        };
        assert_eq!(dtx(&consumable), None);
        consumable.encodings[0].dtx = Some(true);
        assert_eq!(dtx(&consumable), Some(true));
    }

    #[test]
    fn a_pipe_has_every_encoding_and_no_mid() {
        let pipe = ConsumerOptions {
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
    fn a_pipe_without_rtx_has_no_rtx_codec() {
        let pipe = ConsumerOptions {
            pipe: true,
            enable_rtx: false,
            ..options()
        };
        let made = consume(&device(), &pipe);
        assert!(made.codecs.iter().all(|codec| codec.codec() != Codec::Rtx));
        assert!(made.encodings.iter().all(|encoding| encoding.rtx.is_none()));
    }

    #[test]
    fn a_mid_that_does_not_fit() {
        for mid in ["", "123456789"] {
            let mid = mid.to_owned();
            let options = ConsumerOptions {
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
            refusal(&RtpCapabilities::default()),
            ConsumerParametersError::NoCompatibleCodec
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
