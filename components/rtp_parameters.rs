//! What a stream is made of, as applications and browsers negotiate it.
//!
//! The types have the shape and, with serde, the field names of mediasoup's JavaScript API, so that
//! what a mediasoup-client application sends is read as it is. Everything here is a pure function
//! of its arguments: SSRCs and names that have to be random are arguments.
//!
//! A producer's parameters are [validated](RtpParameters::validated), [mapped](rtp_mapping) to the
//! payload types of the router, and turned into [consumable](consumable_parameters) ones, from which
//! the parameters of each [consumer](consumer_parameters) or [pipe](pipe_consumer_parameters)
//! follow. None of it is touched by the forwarding path.

mod capabilities;
mod capabilities_error;
mod codec;
mod codec_capability;
mod codec_difference;
mod codec_match;
mod codec_parameters;
mod consumable;
mod consumer;
mod consumer_codecs;
mod consumer_parameters_error;
mod encoding;
mod encodings_check;
mod format_parameters;
#[cfg(test)]
mod goldens;
mod header_extension;
mod header_extension_capability;
mod header_extension_ids;
mod header_extension_parameters;
mod header_extensions_check;
mod mapping;
mod mapping_error;
mod media_kind;
mod numbered_by;
mod object;
mod payload_types;
mod pipe;
mod producer_type;
mod profile_level_id;
#[cfg(test)]
mod properties;
mod rtcp;
mod rtcp_feedback;
mod rtp_parameters_error;
#[cfg(test)]
mod samples;
mod scalability_mode;
mod stream_parameters;
mod supported_codec;
mod untyped;
mod validation;

use serde::de::Error as _;
use serde::{Deserializer, Serialize};

pub use capabilities::RtpCapabilities;
pub use capabilities_error::CapabilitiesError;
pub use codec::Codec;
pub use codec_capability::RtpCodecCapability;
pub use codec_difference::CodecDifference;
pub use codec_parameters::RtpCodecParameters;
pub use consumable::consumable_parameters;
pub use consumer::{ConsumerRequest, SsrcBase, consumer_parameters};
pub use consumer_codecs::can_consume;
pub use consumer_parameters_error::ConsumerParametersError;
pub use encoding::{RtpEncodingParameters, RtpEncodingRtx};
pub use format_parameters::{FormatParameters, FormatValue};
pub use header_extension::{HeaderExtension, router_id};
pub use header_extension_capability::{RtpHeaderExtension, RtpHeaderExtensionDirection};
pub use header_extension_ids::HeaderExtensionIds;
pub use header_extension_parameters::RtpHeaderExtensionParameters;
pub use mapping::{CodecMapping, EncodingMapping, RtpMapping, rtp_mapping};
pub use mapping_error::MappingError;
pub use media_kind::MediaKind;
pub use numbered_by::{NumberedBy, renumbered};
pub use pipe::pipe_consumer_parameters;
pub use producer_type::ProducerType;
pub use rtcp::RtcpParameters;
pub use rtcp_feedback::RtcpFeedback;
pub use rtp_parameters_error::RtpParametersError;
pub use scalability_mode::ScalabilityMode;
pub use stream_parameters::StreamParameters;

use object::{Malformed, Object, Read, deserialize_by_reading};

/// The RTP parameters of a producer or a consumer.
///
/// Deserialising accepts what JavaScript clients send and brings it into normal form: `dtx` and
/// `encrypt` that are not booleans are false, audio channels that are not a number are 1, `null` is
/// the same as absent. It needs a self-describing format such as JSON, and refuses what it cannot
/// read with the path of the field. What can be read may still make no sense:
/// [`validated`](Self::validated) decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpParameters {
    /// The media id that packets may carry (RFC 9143), at most 255 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// The codecs: media codecs, and RTX codecs that retransmit them.
    pub codecs: Vec<RtpCodecParameters>,
    /// The header extensions of its packets.
    pub header_extensions: Vec<RtpHeaderExtensionParameters>,
    /// The encodings: one, or several for simulcast, from the smallest to the largest.
    pub encodings: Vec<RtpEncodingParameters>,
    /// RTCP settings.
    pub rtcp: RtcpParameters,
    /// The media stream and track it belongs to (RFC 8830).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msid: Option<String>,
}

crate::snapshot::state! {
    struct RtpParameters {
        mid, codecs, header_extensions, encodings, rtcp, msid
    }
}

impl RtpParameters {
    /// Deserialises and [validates](Self::validated) the parameters of a producer of `kind`.
    ///
    /// # Errors
    ///
    /// The deserialiser's own, with the text of [`RtpParametersError`] where that is the cause.
    pub fn from_json<'de, D: Deserializer<'de>>(
        kind: MediaKind,
        from: D,
    ) -> Result<Self, D::Error> {
        let parameters: Self = object::deserialize(from)?;
        parameters.validated(kind).map_err(D::Error::custom)
    }

    /// The media codec that encoding number `encoding` uses: the one its `codecPayloadType` names,
    /// or the first.
    pub fn media_codec(&self, encoding: usize) -> Option<&RtpCodecParameters> {
        let named = self.encodings.get(encoding)?.codec_payload_type;
        self.codecs
            .iter()
            .filter(|codec| codec.codec().is_media())
            .find(|codec| named.is_none_or(|payload_type| codec.payload_type == payload_type))
    }

    /// The RTX codec that retransmits encoding number `encoding`, if there is one.
    pub fn rtx_codec(&self, encoding: usize) -> Option<&RtpCodecParameters> {
        let media = self.media_codec(encoding)?;
        self.codecs
            .iter()
            .find(|codec| codec.is_rtx_of(media.payload_type))
    }

    /// The ids of the header extensions these parameters state.
    pub fn header_extension_ids(&self) -> HeaderExtensionIds {
        HeaderExtensionIds::of(&self.header_extensions)
    }
}

impl Read for RtpParameters {
    const NAME: &'static str = "rtpParameters";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            mid: object.text("mid")?,
            codecs: object.required_list("codecs")?,
            header_extensions: object.list("headerExtensions")?,
            encodings: object.list("encodings")?,
            rtcp: object.one("rtcp")?.unwrap_or_default(),
            msid: object.text("msid")?,
        })
    }
}

deserialize_by_reading!(RtpParameters);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::samples::{codec, read, rtx, vp8};
    use super::*;

    #[test]
    fn what_javascript_leaves_out_or_gets_wrong_is_brought_into_form() {
        let parameters: RtpParameters = read(&json!({
            "mid": null,
            "codecs": [
                {
                    "mimeType": "AUDIO/opus", "payloadType": 111.0, "clockRate": 48000,
                    "channels": "two", "parameters": { "a": null, "b": 2.0, "c": 0.5, "d": "x" },
                    "rtcpFeedback": [{ "type": "nack" }, { "type": "nack", "parameter": 3 }],
                },
                { "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000, "channels": 2 },
            ],
            "headerExtensions": [{ "uri": "urn:a", "id": 1, "encrypt": null }],
            "encodings": [{ "dtx": 1, "active": true, "whatever": [] }],
            "rtcp": { "reducedSize": false },
        }));
        let expected = json!({
            "codecs": [
                {
                    "mimeType": "AUDIO/opus", "payloadType": 111, "clockRate": 48000,
                    "channels": 1, "parameters": { "a": "", "b": 2, "c": 0.5, "d": "x" },
                    "rtcpFeedback": [
                        { "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "" },
                    ],
                },
                {
                    "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000,
                    "parameters": {}, "rtcpFeedback": [],
                },
            ],
            "headerExtensions": [{ "uri": "urn:a", "id": 1, "encrypt": false, "parameters": {} }],
            "encodings": [{ "dtx": false, "active": true }],
            "rtcp": { "reducedSize": true },
        });
        assert_eq!(serde_json::to_value(&parameters).unwrap(), expected);
        assert_eq!(read::<RtpParameters>(&expected), parameters);
    }

    #[test]
    fn lists_that_are_absent_are_empty() {
        let parameters: RtpParameters = read(&json!({ "codecs": [] }));
        assert_eq!(parameters, RtpParameters::default());
    }

    #[test]
    fn reading_json_validates_too() {
        let given = serde_json::to_value(vp8()).unwrap();
        let read = RtpParameters::from_json(MediaKind::Video, given.clone()).unwrap();
        assert_eq!(read, vp8());
        let error = RtpParameters::from_json(MediaKind::Audio, given).unwrap_err();
        assert_eq!(error.to_string(), "video/VP8 is no codec for audio");
        let error = RtpParameters::from_json(MediaKind::Audio, json!({})).unwrap_err();
        assert_eq!(error.to_string(), "rtpParameters.codecs is missing");
    }

    #[test]
    fn an_encoding_has_the_codec_it_names_or_the_first() {
        let mut parameters = vp8();
        parameters.codecs.insert(0, rtx(99, 98));
        parameters.codecs.push(codec("video/H264", 98));
        let payload_types = |parameters: &RtpParameters| {
            let media = parameters.media_codec(0).map(|codec| codec.payload_type);
            let rtx = parameters.rtx_codec(0).map(|codec| codec.payload_type);
            (media, rtx)
        };
        assert_eq!(payload_types(&parameters), (Some(96), Some(97)));
        parameters.encodings[0].codec_payload_type = Some(98);
        assert_eq!(payload_types(&parameters), (Some(98), Some(99)));
        parameters.encodings[0].codec_payload_type = Some(97);
        assert_eq!(
            payload_types(&parameters),
            (None, None),
            "RTX is no media codec"
        );
        assert_eq!(
            parameters.media_codec(1),
            None,
            "there is no second encoding"
        );
    }
}
