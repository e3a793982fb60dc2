//! The parameters of a consumer.

use thiserror::Error;

use super::consumer_codecs::consumed_codecs;
use super::pipe::pipe_encodings;
use super::{
    CapabilitiesError, Codec, HeaderExtension, RtcpFeedback, RtpCapabilities, RtpCodecParameters,
    RtpEncodingParameters, RtpEncodingRtx, RtpHeaderExtensionParameters, RtpParameters,
    ScalabilityMode,
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

/// Why a consumer cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsumerParametersError {
    /// The endpoint's capabilities are malformed.
    #[error(transparent)]
    Capabilities(#[from] CapabilitiesError),
    /// The endpoint has none of the producer's media codecs.
    #[error("no compatible media codec")]
    NoCompatibleCodec,
    /// The MID is empty or longer than 8 bytes.
    #[error("mid {mid:?} is not of 1 to 8 bytes")]
    MidInvalid {
        /// The MID given.
        mid: String,
    },
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
    if options.pipe && !options.enable_rtx {
        codecs.retain(|codec| codec.codec() != Codec::Rtx);
    }
    require_media(&codecs)?;
    limit_feedback(&mut codecs, &header_extensions, options.enable_rtx);
    let encodings = match options.pipe {
        true => pipe_encodings(consumable, options.enable_rtx, ssrcs),
        false => vec![single_encoding(consumable, &codecs, ssrcs.media)],
    };
    let mut rtcp = consumable.rtcp.clone();
    rtcp.cname = options.cname.clone().or(rtcp.cname);
    Ok(RtpParameters {
        mid: consumer_mid(options)?,
        codecs,
        header_extensions,
        encodings,
        rtcp,
        msid: consumable.msid.clone(),
    })
}

fn consumer_mid(options: &ConsumerOptions) -> Result<Option<String>, ConsumerParametersError> {
    let mid = options.mid.clone().filter(|_| !options.pipe);
    match mid {
        Some(mid) if !(1..=8).contains(&mid.len()) => {
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
    let transport_cc = has(HeaderExtension::TransportCc);
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
