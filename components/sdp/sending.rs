//! What the peer sends in a section.

use flumen_components::rtp_parameters::{
    Codec, MediaKind, RtcpFeedback, RtcpParameters, RtpCapabilities, RtpCodecParameters,
    RtpHeaderExtensionParameters, RtpParameters, rtp_mapping,
};

use crate::error::{NoCodec, SdpError};
use crate::known::Known;
use crate::offer::{ENCODINGS_MAX, Offer, at_most};
use crate::section::{Carries, Section};
use crate::{attributes, codecs, encodings, extensions};

impl Offer {
    /// What the peer sends in a section, as a router with `capabilities` can receive it: the first
    /// of the offered codecs that the router has, its retransmissions, the feedback and header
    /// extensions that both know, and an encoding for each RID or SSRC, the lowest first.
    ///
    /// SDP tells neither how many layers an encoding has nor, but for limits of RIDs, which encoding is
    /// the lowest: that is as `known` says.
    ///
    /// # Errors
    ///
    /// The section does not exist or carries no media, or the router has none of its codecs.
    pub fn sent(
        &self,
        section: usize,
        capabilities: &RtpCapabilities,
        known: Known<'_>,
    ) -> Result<RtpParameters, SdpError> {
        let index = section;
        let section = self.section(index)?;
        let Carries::Media(kind) = section.carries else {
            return Err(SdpError::Section(index));
        };
        let mut encodings = encodings::rising(&section.attributes, known.listing);
        at_most(encodings.len(), ENCODINGS_MAX, "encodings in a section")?;
        for encoding in &mut encodings {
            encoding.scalability_mode = known.scalability_mode.map(String::from);
        }
        let mut parameters = RtpParameters {
            mid: Some(section.mid.clone()),
            codecs: Vec::new(),
            header_extensions: received(kind, section, capabilities),
            encodings,
            rtcp: RtcpParameters {
                cname: encodings::cname(&section.attributes),
                reduced_size: attributes::value(&section.attributes, "rtcp-rsize").is_some(),
            },
            msid: attributes::value(&section.attributes, "msid").map(String::from),
        };
        choose_codec(index, kind, section, capabilities, &mut parameters)?;
        Ok(parameters)
    }
}

/// Takes the first codec that the router has, with its retransmissions.
fn choose_codec(
    index: usize,
    kind: MediaKind,
    section: &Section,
    capabilities: &RtpCapabilities,
    parameters: &mut RtpParameters,
) -> Result<(), SdpError> {
    let offered = codecs::read(kind, &section.formats, &section.attributes);
    let mut reason = NoCodec::None;
    for codec in offered.iter().filter(|codec| codec.codec().is_media()) {
        parameters.codecs = vec![with_known_feedback(codec, capabilities)];
        match rtp_mapping(parameters, capabilities, 1) {
            Ok(_) => {
                if let Some(rtx) = offered.iter().find(|rtx| is_rtx_of(rtx, codec)) {
                    add_rtx(rtx, capabilities, parameters);
                }
                return Ok(());
            }
            Err(error) if reason == NoCodec::None => reason = NoCodec::Unsupported(error),
            Err(_) => {}
        }
    }
    Err(SdpError::NoCodec {
        section: index,
        reason,
    })
}

/// Retransmissions are received if the router has them for that codec; an answer leaves them out
/// otherwise (RFC 3264 section 6.1).
fn add_rtx(
    rtx: &RtpCodecParameters,
    capabilities: &RtpCapabilities,
    parameters: &mut RtpParameters,
) {
    parameters
        .codecs
        .push(with_known_feedback(rtx, capabilities));
    if rtp_mapping(parameters, capabilities, 1).is_err() {
        parameters.codecs.pop();
        for encoding in &mut parameters.encodings {
            encoding.rtx = None;
        }
    }
}

fn is_rtx_of(rtx: &RtpCodecParameters, codec: &RtpCodecParameters) -> bool {
    rtx.codec() == Codec::Rtx && rtx.apt() == Some(codec.payload_type)
}

/// The codec with the feedback that the router has for it too.
fn with_known_feedback(
    codec: &RtpCodecParameters,
    capabilities: &RtpCapabilities,
) -> RtpCodecParameters {
    let same = capabilities
        .codecs
        .iter()
        .filter(|known| known.codec() == codec.codec());
    let known: Vec<&RtcpFeedback> = same.flat_map(|known| &known.rtcp_feedback).collect();
    let mut codec = codec.clone();
    codec
        .rtcp_feedback
        .retain(|feedback| known.contains(&feedback));
    codec
}

/// The header extensions that the peer sends and the router reads.
fn received(
    kind: MediaKind,
    section: &Section,
    capabilities: &RtpCapabilities,
) -> Vec<RtpHeaderExtensionParameters> {
    let mut found = extensions::read(&section.attributes, "recvonly");
    let known = |uri: &str| {
        let mut known = capabilities.header_extensions.iter();
        known.any(|extension| extension.kind == kind && extension.uri == uri)
    };
    found.retain(|extension| known(&extension.uri));
    found
}
