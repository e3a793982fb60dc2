//! Which codecs an endpoint can consume.

use super::codec_match::{CodecView, matches_strictly};
use super::{Codec, RtpCapabilities, RtpCodecCapability, RtpCodecParameters, RtpParameters};

/// Whether an endpoint with `remote` capabilities can consume a stream with `consumable`
/// parameters: it has one of its media codecs. Never, when the capabilities are malformed.
pub fn can_consume(consumable: &RtpParameters, remote: &RtpCapabilities) -> bool {
    let mut media = consumable
        .codecs
        .iter()
        .filter(|codec| codec.codec().is_media());
    remote.check().is_ok() && media.any(|codec| capability_of(codec, remote).is_some())
}

/// The codecs of `consumable` that an endpoint with `remote` capabilities can handle, with the RTCP
/// feedback of the endpoint. RTX codecs go with the codec that they retransmit.
pub(super) fn consumed_codecs(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
) -> Vec<RtpCodecParameters> {
    let consumed = |codec: &RtpCodecParameters| {
        let capability = capability_of(codec, remote)?;
        Some(RtpCodecParameters {
            rtcp_feedback: capability.rtcp_feedback.clone(),
            ..codec.clone()
        })
    };
    let mut codecs: Vec<_> = consumable.codecs.iter().filter_map(consumed).collect();
    drop_orphaned_rtx(&mut codecs);
    codecs
}

fn capability_of<'a>(
    codec: &RtpCodecParameters,
    remote: &'a RtpCapabilities,
) -> Option<&'a RtpCodecCapability> {
    let view = CodecView::from(codec);
    remote
        .codecs
        .iter()
        .find(|capability| matches_strictly(&view, &CodecView::from(*capability)))
}

fn drop_orphaned_rtx(codecs: &mut Vec<RtpCodecParameters>) {
    let media: Vec<u8> = codecs
        .iter()
        .filter(|codec| codec.codec() != Codec::Rtx)
        .map(|codec| codec.payload_type)
        .collect();
    codecs.retain(|codec| {
        codec.codec() != Codec::Rtx || codec.apt().is_some_and(|apt| media.contains(&apt))
    });
}
