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
