//! Whether two descriptions are of the same codec.

use super::profile_level_id::ProfileLevelId;
use super::{Codec, FormatParameters, MediaKind, RtpCodecCapability, RtpCodecParameters};

/// The part of a codec's description that tells it from others.
#[derive(Clone, Copy)]
pub(super) struct CodecView<'a> {
    mime_type: &'a str,
    clock_rate: u32,
    channels: Option<u8>,
    pub(super) parameters: &'a FormatParameters,
}

impl CodecView<'_> {
    pub(super) fn codec(&self) -> Codec {
        Codec::of_mime_type(self.mime_type)
    }

    /// Audio channels, where saying nothing is saying one; nothing for video.
    fn channels(&self) -> Option<u8> {
        match MediaKind::of_mime_type(self.mime_type) {
            Some(MediaKind::Audio) => self.channels.or(Some(1)),
            _ => None,
        }
    }
}

impl<'a> From<&'a RtpCodecParameters> for CodecView<'a> {
    fn from(codec: &'a RtpCodecParameters) -> Self {
        Self {
            mime_type: &codec.mime_type,
            clock_rate: codec.clock_rate,
            channels: codec.channels,
            parameters: &codec.parameters,
        }
    }
}

impl<'a> From<&'a RtpCodecCapability> for CodecView<'a> {
    fn from(codec: &'a RtpCodecCapability) -> Self {
        Self {
            mime_type: &codec.mime_type,
            clock_rate: codec.clock_rate,
            channels: codec.channels,
            parameters: &codec.parameters,
        }
    }
}

/// Whether `a` and `b` are the same codec, perhaps in different profiles.
pub(super) fn matches(a: &CodecView<'_>, b: &CodecView<'_>) -> bool {
    let same = |name: &str| a.parameters.get(name) == b.parameters.get(name);
    a.mime_type.eq_ignore_ascii_case(b.mime_type)
        && a.clock_rate == b.clock_rate
        && a.channels() == b.channels()
        && match a.codec() {
            Codec::MultiOpus => same("num_streams") && same("coupled_streams"),
            Codec::H264 => same_number("packetization-mode", a, b),
            _ => true,
        }
}

/// Whether a decoder of `b` can decode `a`: the same codec in the same profile.
pub(super) fn matches_strictly(a: &CodecView<'_>, b: &CodecView<'_>) -> bool {
    matches(a, b)
        && match a.codec() {
            Codec::H264 => ProfileLevelId::same_profile(a.parameters, b.parameters),
            Codec::Vp9 => same_number("profile-id", a, b),
            _ => true,
        }
}

/// Whether parameter `name`, which is 0 when absent, is the same.
fn same_number(name: &str, a: &CodecView<'_>, b: &CodecView<'_>) -> bool {
    let number = |codec: &CodecView<'_>| codec.parameters.get(name).cloned().unwrap_or(0.into());
    number(a) == number(b)
}
