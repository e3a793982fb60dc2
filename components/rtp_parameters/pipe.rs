//! The parameters of a consumer that feeds another router.

use super::{
    Codec, HeaderExtension, RtcpFeedback, RtpCodecParameters, RtpEncodingParameters,
    RtpEncodingRtx, RtpHeaderExtensionParameters, RtpParameters, SsrcBase, router_id,
};

/// The parameters of a consumer on a pipe transport: everything of the producer with `consumable`
/// parameters, with as much feedback as routers need from one another.
///
/// There is no negotiation, since the other end is a router too. Congestion control and MIDs end at
/// the pipe, so their header extensions are left out; the dependency descriptor comes along. With
/// `enable_rtx` each encoding states an RTX stream, also those of codecs that have no RTX codec, in
/// which case it has no effect.
pub fn pipe_consumer_parameters(
    consumable: &RtpParameters,
    enable_rtx: bool,
    ssrcs: SsrcBase,
) -> RtpParameters {
    RtpParameters {
        mid: None,
        codecs: pipe_codecs(consumable, enable_rtx),
        header_extensions: pipe_extensions(consumable),
        encodings: pipe_encodings(consumable, enable_rtx, ssrcs),
        rtcp: consumable.rtcp.clone(),
        msid: consumable.msid.clone(),
    }
}

/// Every encoding of `consumable` with an SSRC of its own.
pub(super) fn pipe_encodings(
    consumable: &RtpParameters,
    enable_rtx: bool,
    ssrcs: SsrcBase,
) -> Vec<RtpEncodingParameters> {
    (0..)
        .zip(&consumable.encodings)
        .map(|(index, encoding)| RtpEncodingParameters {
            ssrc: Some(ssrcs.media.wrapping_add(index)),
            rtx: enable_rtx.then(|| RtpEncodingRtx {
                ssrc: ssrcs.rtx.wrapping_add(index),
            }),
            ..encoding.clone()
        })
        .collect()
}

fn pipe_codecs(consumable: &RtpParameters, enable_rtx: bool) -> Vec<RtpCodecParameters> {
    let is_kept = |feedback: &RtcpFeedback| {
        feedback.is("nack", "pli")
            || feedback.is("ccm", "fir")
            || (enable_rtx && feedback.is("nack", ""))
    };
    let mut codecs = consumable.codecs.clone();
    codecs.retain(|codec| enable_rtx || codec.codec() != Codec::Rtx);
    for codec in &mut codecs {
        codec.rtcp_feedback.retain(is_kept);
    }
    codecs
}

fn pipe_extensions(consumable: &RtpParameters) -> Vec<RtpHeaderExtensionParameters> {
    use HeaderExtension::{AbsSendTime, DependencyDescriptor, Mid, TransportSequence};
    let is_left_out = |uri: &str| {
        let left_out = [Mid, AbsSendTime, TransportSequence, DependencyDescriptor];
        left_out.iter().any(|extension| extension.uri() == uri)
    };
    let mut extensions = consumable.header_extensions.clone();
    extensions.retain(|extension| !is_left_out(&extension.uri));
    extensions.push(RtpHeaderExtensionParameters::new(
        DependencyDescriptor.uri(),
        router_id(DependencyDescriptor),
    ));
    extensions.sort_by_key(|extension| extension.id);
    extensions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::MediaKind;
    use crate::rtp_parameters::samples::{consumable, vp8};

    const SSRCS: SsrcBase = SsrcBase { media: 5, rtx: 9 };

    #[test]
    fn without_rtx_routers_ask_for_key_frames_only() {
        let consumable = consumable(MediaKind::Video, &vp8());
        let made = pipe_consumer_parameters(&consumable, false, SSRCS);
        assert_eq!(made.codecs.len(), 1);
        let feedback = &made.codecs[0].rtcp_feedback;
        let expected = [
            RtcpFeedback::new("nack", "pli"),
            RtcpFeedback::new("ccm", "fir"),
        ];
        assert_eq!(*feedback, expected);
        assert_eq!(made.encodings[0].rtx, None);
    }

    #[test]
    fn a_descriptor_that_is_there_is_not_repeated() {
        let descriptor = HeaderExtension::DependencyDescriptor;
        let mut consumable = consumable(MediaKind::Video, &vp8());
        let stated = RtpHeaderExtensionParameters::new(descriptor.uri(), 7);
        consumable.header_extensions.push(stated);
        let made = pipe_consumer_parameters(&consumable, true, SSRCS);
        let found = made
            .header_extensions
            .iter()
            .filter(|e| e.uri == descriptor.uri());
        assert_eq!(found.count(), 1);
    }
}
