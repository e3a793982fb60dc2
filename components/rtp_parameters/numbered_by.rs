//! Whose payload types and header extension ids a consumer sends with.

use serde::{Deserialize, Serialize};

use crate::consume::RENAMED_MAX;

use super::{Codec, RtpCapabilities, RtpCodecParameters, RtpParameters};

/// Whose payload types and header extension ids a consumer sends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberedBy {
    /// The router's, which the receiver is told: as mediasoup does.
    #[default]
    Router,
    /// The receiver's, as its capabilities prefer them: for one that made an offer (RFC 3264
    /// section 6.1), such as a WHEP client. Header extensions are then those that it has under any
    /// id. Not in mediasoup.
    Receiver,
}

/// The parameters of a consumer in the numbers of its receiver, from those in the numbers of the
/// router: the same codecs and header extensions in the same order. What the receiver does not
/// number keeps its number.
pub fn renumbered(parameters: &RtpParameters, remote: &RtpCapabilities) -> RtpParameters {
    let mut own = parameters.clone();
    for codec in &mut own.codecs {
        let found = remote.codec_like(codec).ok();
        if let Some(number) = found.and_then(|found| found.preferred_payload_type) {
            codec.payload_type = number;
        }
    }
    for at in 0..own.codecs.len() {
        if let Some((apt, number)) = rtx_numbers(&parameters.codecs[at], parameters, &own, remote) {
            own.codecs[at].payload_type = number;
            own.codecs[at].parameters.insert("apt", i64::from(apt));
        }
    }
    for extension in &mut own.header_extensions {
        let mut known = remote.header_extensions.iter();
        if let Some(found) = known.find(|known| known.uri == extension.uri) {
            extension.id = found.preferred_id;
        }
    }
    own
}

/// Leaves out retransmissions for which a receiver has no number, and media codecs beyond those that
/// can have other numbers than the router's.
pub(super) fn keep_numbered(codecs: &mut Vec<RtpCodecParameters>, remote: &RtpCapabilities) {
    let is_media = |codec: &RtpCodecParameters| codec.codec() != Codec::Rtx;
    let mut media = codecs.iter().filter(|codec| is_media(codec));
    let beyond = media.nth(RENAMED_MAX).map(|codec| codec.payload_type);
    let end = codecs
        .iter()
        .position(|codec| Some(codec.payload_type) == beyond);
    codecs.truncate(end.unwrap_or(codecs.len()));
    let is_repaired = |codec: &&RtpCodecParameters| {
        let found = remote.codec_like(codec).ok();
        let number = found.and_then(|found| found.preferred_payload_type);
        number.is_none_or(|number| remote.rtx_of(number).is_some())
    };
    let repaired: Vec<u8> = codecs
        .iter()
        .filter(is_repaired)
        .map(|codec| codec.payload_type)
        .collect();
    let is_kept = |apt: u8| repaired.contains(&apt);
    codecs.retain(|codec| is_media(codec) || codec.apt().is_some_and(is_kept));
}

/// What the receiver calls what `rtx` retransmits, and the retransmissions.
fn rtx_numbers(
    rtx: &RtpCodecParameters,
    parameters: &RtpParameters,
    own: &RtpParameters,
    remote: &RtpCapabilities,
) -> Option<(u8, u8)> {
    let apt = rtx.apt().filter(|_| rtx.codec() == Codec::Rtx)?;
    let position = parameters
        .codecs
        .iter()
        .position(|codec| codec.payload_type == apt)?;
    let apt = own.codecs[position].payload_type;
    Some((apt, remote.rtx_of(apt)?.preferred_payload_type?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::samples::{codec, consumable, device, vp8};
    use crate::rtp_parameters::{ConsumerRequest, MediaKind, SsrcBase, consumer_parameters};

    /// Payload types with what they retransmit, and URIs with ids.
    fn numbers(parameters: &RtpParameters) -> (Vec<(u8, Option<u8>)>, Vec<u8>) {
        let codecs = parameters.codecs.iter();
        let extensions = parameters.header_extensions.iter();
        (
            codecs
                .map(|codec| (codec.payload_type, codec.apt()))
                .collect(),
            extensions.map(|extension| extension.id).collect(),
        )
    }

    fn received(remote: &RtpCapabilities) -> (RtpParameters, RtpParameters) {
        let consumable = consumable(MediaKind::Video, &vp8());
        let options = ConsumerRequest {
            enable_rtx: true,
            numbered_by: NumberedBy::Receiver,
            ..ConsumerRequest::default()
        };
        let ssrcs = SsrcBase { media: 1, rtx: 2 };
        let made = consumer_parameters(&consumable, remote, &options, ssrcs).unwrap();
        let own = renumbered(&made, remote);
        (made, own)
    }

    #[test]
    fn a_receiver_gets_what_it_offered() {
        let mut remote = device();
        let at = |mime: &str, number: u8| {
            let mut codec = codec(mime, number);
            codec.parameters = Default::default();
            codec
        };
        remote.codecs.clear();
        for (mime, number, apt) in [("video/VP8", 40, None), ("video/rtx", 41, Some(40))] {
            let codec = at(mime, number);
            let mut capability = crate::rtp_parameters::RtpCodecCapability::new(
                MediaKind::Video,
                codec.mime_type,
                codec.clock_rate,
            );
            capability.preferred_payload_type = Some(number);
            if let Some(apt) = apt {
                capability.parameters.insert("apt", apt as i64);
            }
            remote.codecs.push(capability);
        }
        for extension in &mut remote.header_extensions {
            extension.preferred_id += 20;
        }
        let (made, own) = received(&remote);
        let (codecs, extensions) = numbers(&own);
        assert_eq!(codecs, [(40, None), (41, Some(40))]);
        let expected: Vec<u8> = numbers(&made).1.iter().map(|id| id + 20).collect();
        assert_eq!(extensions, expected);
        assert!(!extensions.is_empty());
    }

    #[test]
    fn what_the_receiver_does_not_number_stays() {
        let mut remote = device();
        for codec in &mut remote.codecs {
            codec.preferred_payload_type = None;
        }
        let (made, own) = received(&remote);
        assert_eq!(numbers(&own), numbers(&made));
    }
}
