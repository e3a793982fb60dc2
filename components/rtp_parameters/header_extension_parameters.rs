//! A header extension of a stream.

use serde::Serialize;

use super::format_parameters::FormatParameters;
use super::object::{Malformed, Object, Read, deserialize_by_reading};

/// A header extension (RFC 8285) that the packets of a stream may carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RtpHeaderExtensionParameters {
    /// The URI that names it (see [`HeaderExtension`](super::HeaderExtension)).
    pub uri: String,
    /// Its id in the packets, 1 to 255.
    pub id: u8,
    /// Whether its value is encrypted (RFC 6904).
    pub encrypt: bool,
    /// Its parameters.
    pub parameters: FormatParameters,
}

crate::snapshot::state! { struct RtpHeaderExtensionParameters { uri, id, encrypt, parameters } }

impl RtpHeaderExtensionParameters {
    /// An extension in the clear, without parameters.
    pub fn new(uri: impl Into<String>, id: u8) -> Self {
        Self {
            uri: uri.into(),
            id,
            ..Self::default()
        }
    }
}

impl Read for RtpHeaderExtensionParameters {
    const NAME: &'static str = "headerExtension";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            uri: object.required_name("uri")?,
            id: object.required_number("id")?,
            encrypt: object.flag("encrypt")?.unwrap_or(false),
            parameters: object.one("parameters")?.unwrap_or_default(),
        })
    }
}

deserialize_by_reading!(RtpHeaderExtensionParameters);
