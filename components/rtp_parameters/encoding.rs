//! An encoding of a stream.

use serde::{Serialize, Serializer};

use super::ScalabilityMode;
use super::object::{Malformed, Object, Read, deserialize_by_reading};
use super::untyped::is_whole;

/// One encoding of a media source: one RTP stream and perhaps its retransmissions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpEncodingParameters {
    /// The SSRC of its packets, when it is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssrc: Option<u32>,
    /// The RTP stream id that its packets carry (RFC 8852).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// The payload type of the codec it uses; absent, the first media codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_payload_type: Option<u8>,
    /// The stream that carries its retransmissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtx: Option<RtpEncodingRtx>,
    /// Whether transmission may stop in silence. Always stated after validation, and never for a
    /// consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtx: Option<bool>,
    /// The scalability mode, such as `L3T3_KEY` (see [`ScalabilityMode`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scalability_mode: Option<String>,
    /// By how much the sender scales pictures down in each dimension.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_javascript_would"
    )]
    pub scale_resolution_down_by: Option<f64>,
    /// The most the sender will send, in bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bitrate: Option<u64>,
    /// Whether the sender sends it at present. Browsers add it; it is kept and has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

crate::snapshot::state! {
    struct RtpEncodingParameters {
        ssrc, rid, codec_payload_type, rtx, dtx, scalability_mode, scale_resolution_down_by,
        max_bitrate, active
    }
}

impl RtpEncodingParameters {
    /// The layers its scalability mode names; one of each when it has none.
    pub fn scalability(&self) -> ScalabilityMode {
        self.scalability_mode
            .as_deref()
            .map_or_else(ScalabilityMode::default, ScalabilityMode::parse)
    }
}

impl Read for RtpEncodingParameters {
    const NAME: &'static str = "encoding";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            ssrc: object.number("ssrc")?,
            rid: object.text("rid")?,
            codec_payload_type: object.number("codecPayloadType")?,
            rtx: object.one("rtx")?,
            dtx: Some(object.flag_if_any("dtx").unwrap_or(false)),
            scalability_mode: object.text("scalabilityMode")?,
            scale_resolution_down_by: object.float_if_any("scaleResolutionDownBy"),
            max_bitrate: object.float_if_any("maxBitrate").map(|bps| bps as u64),
            active: object.flag_if_any("active"),
        })
    }
}

/// The stream that carries the retransmissions of an encoding (RFC 4588).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RtpEncodingRtx {
    /// Its SSRC.
    pub ssrc: u32,
}

crate::snapshot::state! { struct RtpEncodingRtx { ssrc } }

impl Read for RtpEncodingRtx {
    const NAME: &'static str = "rtx";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        let ssrc = object.required_number("ssrc")?;
        Ok(Self { ssrc })
    }
}

deserialize_by_reading!(RtpEncodingParameters, RtpEncodingRtx);

/// Writes a whole number without a fraction: `4`, not `4.0`.
fn as_javascript_would<S: Serializer>(number: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    match *number {
        Some(number) if is_whole(number) => to.serialize_i64(number as i64),
        Some(number) => to.serialize_f64(number),
        None => to.serialize_none(),
    }
}
