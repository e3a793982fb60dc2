//! What the engine needs to know of a stream.

use serde::Serialize;

use super::{Codec, RtpCodecParameters, RtpParameters};

/// What the engine needs to know of the stream of one encoding, derived from [`RtpParameters`].
///
/// Its field names are those of `params` in mediasoup's dump of a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamParameters {
    /// The number of the encoding, counted from zero.
    pub encoding_idx: usize,
    /// The SSRC, when the encoding states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssrc: Option<u32>,
    /// The payload type of its media packets.
    pub payload_type: u8,
    /// The codec of its media packets.
    #[serde(skip)]
    pub codec: Codec,
    /// The MIME type of the codec, as it was stated.
    pub mime_type: String,
    /// RTP timestamp units a second.
    pub clock_rate: u32,
    /// The RTP stream id, when the encoding states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The canonical name of the source; empty when it is not known.
    pub cname: String,
    /// The SSRC of its retransmissions, when the encoding states one and there is an RTX codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_ssrc: Option<u32>,
    /// The payload type of its retransmissions, when there is an RTX codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_payload_type: Option<u8>,
    /// Whether lost packets are asked for (RFC 4585, section 6.2.1).
    pub use_nack: bool,
    /// Whether key frames are asked for by PLI (RFC 4585, section 6.3.1).
    pub use_pli: bool,
    /// Whether key frames are asked for by FIR (RFC 5104, section 4.3.1).
    pub use_fir: bool,
    /// Whether Opus sends in-band FEC (RFC 7587, section 6.1).
    pub use_in_band_fec: bool,
    /// Whether transmission may stop in silence.
    pub use_dtx: bool,
    /// Number of spatial layers, 1 to 99.
    pub spatial_layers: u8,
    /// Number of temporal layers, 1 to 99.
    pub temporal_layers: u8,
    /// Whether spatial layers depend on each other in key pictures only.
    #[serde(skip)]
    pub ksvc: bool,
    /// Whether silence means that the stream has stopped: in simulcast only, where senders stop
    /// layers they have no bandwidth for.
    #[serde(skip)]
    pub checks_inactivity: bool,
}

impl RtpParameters {
    /// What the engine needs to know of the stream of encoding number `encoding`; nothing when
    /// there is no such encoding or no codec for it.
    pub fn stream_parameters(&self, encoding: usize) -> Option<StreamParameters> {
        let codec = self.media_codec(encoding)?;
        let rtx = self.rtx_codec(encoding);
        let stated = self.encodings.get(encoding)?;
        let layers = stated.scalability();
        Some(StreamParameters {
            encoding_idx: encoding,
            ssrc: stated.ssrc,
            payload_type: codec.payload_type,
            codec: codec.codec(),
            mime_type: codec.mime_type.clone(),
            clock_rate: codec.clock_rate,
            rid: stated.rid.clone(),
            cname: self.rtcp.cname.clone().unwrap_or_default(),
            rtx_ssrc: rtx.and(stated.rtx).map(|rtx| rtx.ssrc),
            rtx_payload_type: rtx.map(|rtx| rtx.payload_type),
            use_nack: codec.has_feedback("nack", ""),
            use_pli: codec.has_feedback("nack", "pli"),
            use_fir: codec.has_feedback("ccm", "fir"),
            use_in_band_fec: is_on(codec, "useinbandfec"),
            use_dtx: is_on(codec, "usedtx") || stated.dtx == Some(true),
            spatial_layers: layers.spatial_layers,
            temporal_layers: layers.temporal_layers,
            ksvc: layers.ksvc,
            checks_inactivity: self.encodings.len() > 1,
        })
    }
}

fn is_on(codec: &RtpCodecParameters, name: &str) -> bool {
    codec.parameters.integer(name) == Some(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rtp_parameters::samples::{encoding, opus, vp8};
    use crate::rtp_parameters::{RtcpFeedback, RtpEncodingRtx};

    #[test]
    fn a_stream_is_told_as_mediasoup_dumps_it() {
        let mut parameters = vp8();
        parameters.codecs[0].rtcp_feedback = vec![
            RtcpFeedback::new("nack", ""),
            RtcpFeedback::new("ccm", "fir"),
        ];
        parameters.encodings[0].rtx = Some(RtpEncodingRtx { ssrc: 12 });
        parameters.encodings[0].scalability_mode = Some("L1T3".into());
        let stream = parameters.stream_parameters(0).unwrap();
        assert_eq!(stream.codec, Codec::Vp8);
        assert_eq!(
            serde_json::to_value(&stream).unwrap(),
            json!({
                "encodingIdx": 0, "ssrc": 11, "payloadType": 96, "mimeType": "video/VP8",
                "clockRate": 90000, "cname": "", "rtxSsrc": 12, "rtxPayloadType": 97,
                "useNack": true, "usePli": false, "useFir": true, "useInBandFec": false,
                "useDtx": false, "spatialLayers": 1, "temporalLayers": 3,
            })
        );
    }

    #[test]
    fn an_rtx_ssrc_without_an_rtx_codec_is_ignored() {
        let mut parameters = opus();
        parameters.encodings[0].rtx = Some(RtpEncodingRtx { ssrc: 12 });
        let stream = parameters.stream_parameters(0).unwrap();
        assert_eq!((stream.rtx_ssrc, stream.rtx_payload_type), (None, None));
    }

    #[test]
    fn silence_is_allowed_by_the_codec_or_by_the_encoding() {
        let use_dtx = |parameters: &RtpParameters| parameters.stream_parameters(0).unwrap().use_dtx;
        let mut by_codec = opus();
        assert!(!use_dtx(&by_codec));
        by_codec.codecs[0].parameters.insert("usedtx", 1);
        assert!(use_dtx(&by_codec));
        let mut by_encoding = opus();
        by_encoding.encodings[0].dtx = Some(true);
        assert!(use_dtx(&by_encoding));
    }

    #[test]
    fn only_simulcast_checks_for_inactivity() {
        let checks = |parameters: &RtpParameters| {
            let stream = parameters.stream_parameters(0);
            stream.unwrap().checks_inactivity
        };
        let mut parameters = vp8();
        assert!(!checks(&parameters));
        parameters.encodings.push(encoding(12));
        assert!(checks(&parameters));
    }

    #[test]
    fn an_encoding_that_is_not_there_has_no_stream() {
        assert_eq!(vp8().stream_parameters(1), None);
        assert_eq!(RtpParameters::default().stream_parameters(0), None);
    }
}
