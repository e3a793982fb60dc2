//! Audio or video.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a media stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

crate::snapshot::state! { enum MediaKind { Audio, Video } }

impl MediaKind {
    /// The kind a MIME type such as `audio/opus` names; nothing when it is neither `audio/…` nor
    /// `video/…`. Case does not matter (RFC 4855, section 3).
    pub fn of_mime_type(mime_type: &str) -> Option<Self> {
        let (kind, subtype) = mime_type.split_once('/')?;
        match kind {
            _ if subtype.is_empty() => None,
            kind if kind.eq_ignore_ascii_case("audio") => Some(Self::Audio),
            kind if kind.eq_ignore_ascii_case("video") => Some(Self::Video),
            _ => None,
        }
    }

    /// `audio` or `video`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_the_first_half_of_the_mime_type() {
        assert_eq!(
            MediaKind::of_mime_type("AUDIO/opus"),
            Some(MediaKind::Audio)
        );
        assert_eq!(MediaKind::of_mime_type("video/VP8"), Some(MediaKind::Video));
        for wrong in ["", "audio", "audio/", "text/plain", "/VP8", "audiox/opus"] {
            assert_eq!(MediaKind::of_mime_type(wrong), None, "{wrong}");
        }
    }
}
