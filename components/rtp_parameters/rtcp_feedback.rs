//! RTCP feedback of a codec.

use serde::Serialize;

use super::object::{Malformed, Object, Read, deserialize_by_reading};

/// A kind of RTCP feedback that a codec uses (what SDP writes as `a=rtcp-fb`, RFC 4585 section
/// 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RtcpFeedback {
    /// `nack`, `ccm`, `goog-remb`, `transport-cc` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// `pli`, `fir` or empty.
    pub parameter: String,
}

crate::snapshot::state! { struct RtcpFeedback { kind, parameter } }

impl RtcpFeedback {
    /// The feedback written as `kind parameter`.
    pub fn new(kind: impl Into<String>, parameter: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            parameter: parameter.into(),
        }
    }

    /// Whether this is `kind parameter`.
    pub fn is(&self, kind: &str, parameter: &str) -> bool {
        self.kind == kind && self.parameter == parameter
    }
}

impl Read for RtcpFeedback {
    const NAME: &'static str = "rtcpFeedback";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            kind: object.required_name("type")?,
            parameter: object.text_if_any("parameter").unwrap_or_default(),
        })
    }
}

deserialize_by_reading!(RtcpFeedback);
