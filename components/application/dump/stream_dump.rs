//! An RTP stream, dumped.

use serde::Serialize;

use crate::rtp_parameters::StreamParameters;

/// A stream that a producer receives or a consumer sends.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpStreamDump {
    /// What it is.
    pub params: StreamParameters,
    /// 0 to 10.
    pub score: u8,
    /// The stream of its retransmissions (RFC 4588), when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx_stream: Option<RtxStreamDump>,
}

/// The stream of a stream's retransmissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RtxStreamDump {
    /// What it is.
    pub params: RtxStreamParameters,
}

/// What a stream of retransmissions is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtxStreamParameters {
    /// Its SSRC.
    pub ssrc: u32,
    /// Its payload type.
    pub payload_type: u8,
    /// "video/rtx" or "audio/rtx".
    pub mime_type: String,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
    /// The RTP stream identifier of what it repairs, when that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rrid: Option<String>,
    /// The canonical name of its source.
    pub cname: String,
}

impl RtpStreamDump {
    /// A stream and, once their SSRC is known, its retransmissions.
    pub fn new(params: StreamParameters, score: u8) -> Self {
        let rtx_stream = rtx_stream(&params);
        Self {
            params,
            score,
            rtx_stream,
        }
    }
}

fn rtx_stream(media: &StreamParameters) -> Option<RtxStreamDump> {
    let kind = media.mime_type.split('/').next().unwrap_or_default();
    let params = RtxStreamParameters {
        ssrc: media.rtx_ssrc?,
        payload_type: media.rtx_payload_type?,
        mime_type: format!("{kind}/rtx"),
        clock_rate: media.clock_rate,
        rrid: media.rid.clone(),
        cname: media.cname.clone(),
    };
    Some(RtxStreamDump { params })
}
