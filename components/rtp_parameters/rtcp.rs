//! RTCP settings of a stream.

use serde::Serialize;

use super::object::{Malformed, Object, Read, deserialize_by_reading};

/// The RTCP settings of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtcpParameters {
    /// The canonical name of the source (RFC 3550, section 6.5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cname: Option<String>,
    /// Whether reduced-size RTCP (RFC 5506) is used: always true after validation.
    pub reduced_size: bool,
}

crate::snapshot::state! { struct RtcpParameters { cname, reduced_size } }

impl Default for RtcpParameters {
    fn default() -> Self {
        Self {
            cname: None,
            reduced_size: true,
        }
    }
}

impl Read for RtcpParameters {
    const NAME: &'static str = "rtcp";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            cname: object.text("cname")?,
            reduced_size: true,
        })
    }
}

deserialize_by_reading!(RtcpParameters);
