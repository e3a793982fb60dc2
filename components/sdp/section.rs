//! A media section of an offer.

use flumen_components::rtp_parameters::MediaKind;

/// One `m=` section of an offer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Section {
    /// Its media identification (RFC 9143).
    pub mid: String,
    /// What it carries.
    pub carries: Carries,
    /// The peer wishes to send in it.
    pub sends: bool,
    /// The peer wishes to receive in it.
    pub receives: bool,
    /// It can be accepted: it is not rejected, and goes over the one transport of the offer's
    /// bundle.
    pub is_usable: bool,
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) formats: Vec<String>,
    pub(crate) attributes: Vec<(String, String)>,
}

/// What a section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Audio or video, over RTP.
    Media(MediaKind),
    /// Data channels (RFC 8841).
    Data,
    /// Something else, which can only be rejected.
    Other,
}

impl Carries {
    pub(crate) fn of(media: &str, formats: &[String]) -> Self {
        match media {
            "audio" => Self::Media(MediaKind::Audio),
            "video" => Self::Media(MediaKind::Video),
            "application" if formats.iter().any(|format| format == "webrtc-datachannel") => {
                Self::Data
            }
            _ => Self::Other,
        }
    }
}
