//! Which codecs an endpoint can consume.

use super::{Codec, CodecDifference, RtpCapabilities, RtpCodecParameters, RtpParameters};

/// Whether an endpoint with `remote` capabilities can consume a stream with `consumable`
/// parameters: it has one of its media codecs. Never, when the capabilities are malformed.
pub fn can_consume(consumable: &RtpParameters, remote: &RtpCapabilities) -> bool {
    let consumed = consumed_codecs(consumable, remote);
    remote.check().is_ok() && consumed.iter().any(|codec| codec.codec().is_media())
}

/// Why an endpoint with `remote` capabilities can consume none of the media codecs of `consumable`.
pub(super) fn differences(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
) -> Vec<CodecDifference> {
    let media = consumable.codecs.iter();
    media
        .filter(|codec| codec.codec().is_media())
        .filter_map(|codec| remote.codec_like(codec).err())
        .collect()
}

/// The codecs of `consumable` that an endpoint with `remote` capabilities can handle, with the RTCP
/// feedback of the endpoint. RTX codecs go with the codec that they retransmit.
pub(super) fn consumed_codecs(
    consumable: &RtpParameters,
    remote: &RtpCapabilities,
) -> Vec<RtpCodecParameters> {
    let consumed = |codec: &RtpCodecParameters| {
        let capability = remote.codec_like(codec).ok()?;
        Some(RtpCodecParameters {
            rtcp_feedback: capability.rtcp_feedback.clone(),
            ..codec.clone()
        })
    };
    let mut codecs: Vec<_> = consumable.codecs.iter().filter_map(consumed).collect();
    drop_orphaned_rtx(&mut codecs);
    codecs
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::MediaKind;
    use crate::rtp_parameters::samples::{codec, consumable, device, vp8};

    #[test]
    fn rtx_goes_with_the_codec_it_retransmits() {
        let mut producer = vp8();
        producer.codecs.push(codec("video/AV1", 98));
        let consumable = consumable(MediaKind::Video, &producer);
        let mut remote = device();
        remote.codecs.retain(|codec| codec.codec() != Codec::Vp8);
        let payload_types: Vec<_> = consumed_codecs(&consumable, &remote)
            .iter()
            .map(|codec| codec.payload_type)
            .collect();
        assert_eq!(payload_types, [109, 110]);
    }

    #[test]
    fn an_endpoint_with_rtx_alone_can_consume_nothing() {
        let consumable = consumable(MediaKind::Video, &vp8());
        let mut remote = device();
        assert!(can_consume(&consumable, &remote));
        remote.codecs.retain(|codec| codec.codec() == Codec::Rtx);
        assert!(!can_consume(&consumable, &remote));
        assert!(consumed_codecs(&consumable, &remote).is_empty());
        assert!(!can_consume(&consumable, &RtpCapabilities::default()));
    }

    #[test]
    fn malformed_capabilities_can_consume_nothing() {
        let mut remote = device();
        remote.codecs[0].mime_type = "opus".into();
        assert!(!can_consume(&consumable(MediaKind::Video, &vp8()), &remote));
    }
}
