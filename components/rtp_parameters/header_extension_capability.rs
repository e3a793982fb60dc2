//! A header extension that an endpoint or a router can handle.

use serde::{Deserialize, Serialize};

use super::MediaKind;
use super::object::{Malformed, Object, Read, deserialize_by_reading};

/// A header extension that an endpoint or a router can handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RtpHeaderExtension {
    /// The kind of media it is for.
    pub kind: MediaKind,
    /// The URI that names it (see [`HeaderExtension`](super::HeaderExtension)).
    pub uri: String,
    /// The id it would rather have, 1 to 255.
    pub preferred_id: u8,
    /// Whether its value is to be encrypted (RFC 6904).
    pub preferred_encrypt: bool,
    /// Who may send it, seen from whose capability it is.
    pub direction: RtpHeaderExtensionDirection,
}

crate::snapshot::state! {
    struct RtpHeaderExtension {
        kind, uri, preferred_id, preferred_encrypt, direction
    }
}

impl Read for RtpHeaderExtension {
    const NAME: &'static str = "headerExtension";

    fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            kind: read_kind(object)?,
            uri: object.required_name("uri")?,
            preferred_id: object.required_number("preferredId")?,
            preferred_encrypt: object.flag("preferredEncrypt")?.unwrap_or(false),
            direction: read_direction(object)?,
        })
    }
}

fn read_kind(object: &Object<'_>) -> Result<MediaKind, Malformed> {
    match object.required_text("kind")?.as_str() {
        "audio" => Ok(MediaKind::Audio),
        "video" => Ok(MediaKind::Video),
        _ => Err(object.not("kind", "audio or video")),
    }
}

fn read_direction(object: &Object<'_>) -> Result<RtpHeaderExtensionDirection, Malformed> {
    match object.text("direction")?.as_deref() {
        None | Some("sendrecv") => Ok(RtpHeaderExtensionDirection::SendRecv),
        Some("sendonly") => Ok(RtpHeaderExtensionDirection::SendOnly),
        Some("recvonly") => Ok(RtpHeaderExtensionDirection::RecvOnly),
        Some("inactive") => Ok(RtpHeaderExtensionDirection::Inactive),
        Some(_) => Err(object.not("direction", "sendrecv, sendonly, recvonly or inactive")),
    }
}

deserialize_by_reading!(RtpHeaderExtension);

/// Who may send a header extension (RFC 8285, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtpHeaderExtensionDirection {
    /// Both.
    #[default]
    SendRecv,
    /// The one whose capability it is.
    SendOnly,
    /// The other side.
    RecvOnly,
    /// Nobody.
    Inactive,
}

crate::snapshot::state! {
    enum RtpHeaderExtensionDirection {
        SendRecv, SendOnly, RecvOnly, Inactive
    }
}

impl RtpHeaderExtensionDirection {
    /// Whether the one whose capability it is may send it.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }
}
