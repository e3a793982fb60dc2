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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp_parameters::FormatValue;
    use crate::rtp_parameters::samples::codec;

    fn with<const N: usize>(
        mime_type: &str,
        parameters: [(&str, FormatValue); N],
    ) -> RtpCodecParameters {
        let mut codec = codec(mime_type, 96);
        codec.parameters.extend(parameters);
        codec
    }

    /// Whether the two match, and whether strictly.
    fn both(a: &RtpCodecParameters, b: &RtpCodecParameters) -> (bool, bool) {
        let (a, b) = (CodecView::from(a), CodecView::from(b));
        (matches(&a, &b), matches_strictly(&a, &b))
    }

    #[test]
    fn the_name_the_clock_and_the_channels_count() {
        let opus = codec("audio/opus", 96);
        assert_eq!(both(&opus, &with("AUDIO/Opus", [])), (true, true));
        let faster = RtpCodecParameters {
            clock_rate: 96_000,
            ..opus.clone()
        };
        assert_eq!(both(&opus, &faster), (false, false));
        let unstated = RtpCodecParameters {
            channels: None,
            ..opus.clone()
        };
        assert_eq!(both(&opus, &unstated), (false, false));
        let mono = RtpCodecParameters {
            channels: Some(1),
            ..opus
        };
        assert_eq!(both(&mono, &unstated), (true, true));
    }

    #[test]
    fn channels_of_video_do_not_count() {
        let vp8 = codec("video/VP8", 96);
        let odd = RtpCodecParameters {
            channels: Some(7),
            ..vp8.clone()
        };
        assert_eq!(both(&vp8, &odd), (true, true));
    }

    #[test]
    fn vp9_is_strictly_the_same_in_one_profile() {
        let unstated = with("video/VP9", []);
        let profile_0 = with("video/VP9", [("profile-id", 0.into())]);
        let profile_2 = with("video/VP9", [("profile-id", 2.into())]);
        assert_eq!(both(&unstated, &profile_0), (true, true));
        assert_eq!(both(&unstated, &profile_2), (true, false));
    }

    #[test]
    fn h264_is_another_codec_in_another_packetization_mode() {
        let mode_0 = with("video/H264", [("packetization-mode", 0.into())]);
        let mode_1 = with("video/H264", [("packetization-mode", 1.into())]);
        assert_eq!(both(&with("video/H264", []), &mode_0), (true, true));
        assert_eq!(both(&mode_0, &mode_1), (false, false));
    }

    #[test]
    fn h264_is_strictly_the_same_in_one_profile_at_any_level() {
        let id = |id: &str| with("video/H264", [("profile-level-id", id.into())]);
        assert_eq!(both(&id("42e01f"), &id("42e034")), (true, true));
        assert_eq!(both(&id("42e01f"), &id("4d001f")), (true, false));
        assert_eq!(both(&id("nonsense"), &id("nonsense")), (true, false));
    }

    #[test]
    fn multiopus_is_another_codec_with_other_streams() {
        let streams = |number: i64| with("audio/multiopus", [("num_streams", number.into())]);
        assert_eq!(both(&streams(4), &streams(4)), (true, true));
        assert_eq!(both(&streams(4), &streams(5)), (false, false));
    }
}
