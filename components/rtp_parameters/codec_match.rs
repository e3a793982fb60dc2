//! Whether two descriptions are of the same codec, and in what they differ.

use super::profile_level_id::ProfileLevelId;
use super::{
    Codec, CodecDifference, FormatParameters, FormatValue, MediaKind, RtpCodecCapability,
    RtpCodecParameters,
};

/// The part of a codec's description that tells it from others.
#[derive(Clone, Copy)]
pub(super) struct CodecView<'a> {
    mime_type: &'a str,
    clock_rate: u32,
    channels: Option<u8>,
    parameters: &'a FormatParameters,
}

impl CodecView<'_> {
    fn codec(&self) -> Codec {
        Codec::of_mime_type(self.mime_type)
    }

    fn parameter(&self, name: &str) -> Option<FormatValue> {
        self.parameters.get(name).cloned()
    }

    /// It is of the kind of `given`, and no repair.
    fn is_choice_for(&self, given: &CodecView<'_>) -> bool {
        let kind = |codec: &CodecView<'_>| MediaKind::of_mime_type(codec.mime_type);
        kind(self) == kind(given) && self.codec().is_media()
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

/// How alike two codecs must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// They are one codec, perhaps in different profiles.
    Codec,
    /// A decoder of one can decode the other.
    Profile,
}

/// The position of the first of `supported` that `given` is, or in what it differs from them.
pub(super) fn position<'a>(
    given: &CodecView<'_>,
    supported: impl Iterator<Item = CodecView<'a>>,
    likeness: Likeness,
) -> Result<usize, CodecDifference> {
    let mut left: Vec<(usize, CodecView<'a>)> = supported.enumerate().collect();
    for aspect in aspects(given.codec(), likeness) {
        let alike = |(_, other): &(usize, CodecView<'_>)| aspect.is_alike(given, other);
        if !left.iter().any(alike) {
            return Err(aspect.difference(given, left.iter().map(|(_, other)| other)));
        }
        left.retain(alike);
    }
    Ok(left[0].0)
}

/// What tells codecs from one another.
#[derive(Clone, Copy)]
enum Aspect {
    MimeType,
    ClockRate,
    /// Audio channels.
    Channels,
    /// A format parameter that may be absent.
    Stated(&'static str),
    /// A format parameter that is this number when it is absent.
    Number(&'static str, i64),
    /// The same of a word.
    Word(&'static str, &'static str),
    /// The profile of H.264, whatever the level.
    H264Profile,
}

/// In what a `codec` is compared, in order.
fn aspects(codec: Codec, likeness: Likeness) -> impl Iterator<Item = Aspect> {
    use Aspect::{Channels, ClockRate, H264Profile, MimeType, Number, Stated, Word};
    let own: &[Aspect] = match codec {
        Codec::MultiOpus => &[Stated("num_streams"), Stated("coupled_streams")],
        Codec::H264 => &[Number("packetization-mode", 0)],
        // Nothing here puts packets in another order, or reads numbers that tell one.
        Codec::H265 => &[Word("tx-mode", "SRST"), Number("sprop-max-don-diff", 0)],
        _ => &[],
    };
    let profile: &[Aspect] = match codec {
        Codec::H264 => &[H264Profile],
        Codec::Vp9 => &[Number("profile-id", 0)],
        // The defaults of RFC 7798, section 7.1.
        Codec::H265 => &[
            Number("profile-space", 0),
            Number("profile-id", 1),
            Number("tier-flag", 0),
        ],
        _ => &[],
    };
    let all = [MimeType, ClockRate, Channels].into_iter();
    let profile = profile
        .iter()
        .filter(move |_| likeness == Likeness::Profile);
    all.chain(own.iter().copied()).chain(profile.copied())
}

impl Aspect {
    fn is_alike(self, a: &CodecView<'_>, b: &CodecView<'_>) -> bool {
        let or = |codec: &CodecView<'_>, name, absent| codec.parameter(name).unwrap_or(absent);
        let both = |name, absent: FormatValue| or(a, name, absent.clone()) == or(b, name, absent);
        match self {
            Self::MimeType => a.mime_type.eq_ignore_ascii_case(b.mime_type),
            Self::ClockRate => a.clock_rate == b.clock_rate,
            Self::Channels => a.channels() == b.channels(),
            Self::Stated(name) => a.parameter(name) == b.parameter(name),
            Self::Number(name, absent) => both(name, absent.into()),
            Self::Word(name, absent) => both(name, absent.into()),
            Self::H264Profile => ProfileLevelId::same_profile(a.parameters, b.parameters),
        }
    }

    fn difference<'a>(
        self,
        given: &CodecView<'_>,
        others: impl Iterator<Item = &'a CodecView<'a>>,
    ) -> CodecDifference {
        let mut supported = Vec::new();
        for other in others.filter(|other| other.is_choice_for(given)) {
            let value = self.value(other);
            if !supported.contains(&value) {
                supported.push(value);
            }
        }
        CodecDifference {
            mime_type: given.mime_type.to_owned(),
            parameter: self.name(),
            given: self.value(given),
            supported,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::MimeType => "mimeType",
            Self::ClockRate => "clockRate",
            Self::Channels => "channels",
            Self::Stated(name) | Self::Number(name, _) | Self::Word(name, _) => name,
            Self::H264Profile => "profile-level-id",
        }
    }

    fn value(self, codec: &CodecView<'_>) -> String {
        let stated = |name| match codec.parameter(name) {
            Some(FormatValue::Integer(number)) => number.to_string(),
            Some(FormatValue::Float(number)) => number.to_string(),
            Some(FormatValue::Text(text)) => format!("{text:?}"),
            None => "absent".to_owned(),
        };
        match self {
            Self::MimeType => codec.mime_type.to_owned(),
            Self::ClockRate => codec.clock_rate.to_string(),
            Self::Channels => match codec.channels {
                Some(channels) => channels.to_string(),
                None => "absent (1)".to_owned(),
            },
            Self::Number(name, absent) if codec.parameter(name).is_none() => {
                format!("absent ({absent})")
            }
            Self::Word(name, absent) if codec.parameter(name).is_none() => {
                format!("absent ({absent:?})")
            }
            Self::Stated(name) | Self::Number(name, _) | Self::Word(name, _) => stated(name),
            Self::H264Profile => stated(self.name()),
        }
    }
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
        let is = |likeness| position(&a, std::iter::once(b), likeness).is_ok();
        (is(Likeness::Codec), is(Likeness::Profile))
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
    fn h265_is_another_codec_in_another_transmission_mode() {
        let mode = |mode: &str| with("video/H265", [("tx-mode", mode.into())]);
        let unstated = with("video/H265", []);
        assert_eq!(both(&unstated, &mode("SRST")), (true, true));
        assert_eq!(both(&unstated, &mode("MRST")), (false, false));
        assert_eq!(both(&mode("MRST"), &mode("MRMT")), (false, false));
        let interleaved = with("video/H265", [("sprop-max-don-diff", 2.into())]);
        assert_eq!(both(&unstated, &interleaved), (false, false));
    }

    #[test]
    fn h265_is_strictly_the_same_in_one_profile_and_tier_at_any_level() {
        let unstated = with("video/H265", []);
        // A parameter, its value, and whether it is that of who states nothing.
        for (name, value, strictly) in [
            ("profile-id", 1, true),
            ("profile-id", 2, false),
            ("profile-space", 0, true),
            ("profile-space", 1, false),
            ("tier-flag", 0, true),
            ("tier-flag", 1, false),
            ("level-id", 93, true),
            ("level-id", 180, true),
        ] {
            let stated = with("video/H265", [(name, value.into())]);
            assert_eq!(both(&unstated, &stated), (true, strictly), "{name}={value}");
            assert_eq!(both(&stated, &stated), (true, true), "{name}={value}");
        }
    }

    #[test]
    fn multiopus_is_another_codec_with_other_streams() {
        let streams = |number: i64| with("audio/multiopus", [("num_streams", number.into())]);
        assert_eq!(both(&streams(4), &streams(4)), (true, true));
        assert_eq!(both(&streams(4), &streams(5)), (false, false));
    }

    /// Why `given` is none of `supported`.
    fn why(given: &RtpCodecParameters, supported: &[RtpCodecParameters]) -> String {
        let views = supported.iter().map(CodecView::from);
        let difference = position(&CodecView::from(given), views, Likeness::Profile).unwrap_err();
        difference.to_string()
    }

    #[test]
    fn the_first_thing_that_none_shares_is_told() {
        let opus = with("audio/opus", []);
        let mut unstated = opus.clone();
        unstated.channels = None;
        let mut slow = opus.clone();
        slow.clock_rate = 8_000;
        let mode = |mode: i64| with("video/H264", [("packetization-mode", mode.into())]);
        let text = with("video/H264", [("packetization-mode", "1".into())]);
        let high = with("video/H264", [("profile-level-id", "640028".into())]);
        let (vp8, rtx) = (with("video/VP8", []), with("video/rtx", []));
        let vp9 = |profile: i64| with("video/VP9", [("profile-id", profile.into())]);
        let streams = with("audio/multiopus", [("num_streams", 4.into())]);
        let rows = [
            (
                &unstated,
                vec![opus.clone()],
                "audio/opus: channels is absent (1), supported is 2",
            ),
            (
                &slow,
                vec![opus.clone()],
                "audio/opus: clockRate is 8000, supported is 48000",
            ),
            (
                &mode(0),
                vec![vp8.clone(), mode(1)],
                "video/H264: packetization-mode is 0, supported is 1",
            ),
            (
                &with("video/H264", []),
                vec![mode(1), mode(2), mode(1)],
                "video/H264: packetization-mode is absent (0), supported is 1 or 2",
            ),
            (
                &with("video/H265", []),
                vec![with("video/H265", [("tx-mode", "MRST".into())])],
                "video/H265: tx-mode is absent (\"SRST\"), supported is \"MRST\"",
            ),
            (
                &with("video/H265", [("profile-id", 2.into())]),
                vec![with("video/H265", [])],
                "video/H265: profile-id is 2, supported is absent (1)",
            ),
            (
                &text,
                vec![mode(1)],
                "video/H264: packetization-mode is \"1\", supported is 1",
            ),
            (
                &high,
                vec![with("video/H264", []), mode(1)],
                "video/H264: profile-level-id is \"640028\", supported is absent",
            ),
            (
                &vp9(2),
                vec![vp9(0), vp9(1)],
                "video/VP9: profile-id is 2, supported is 0 or 1",
            ),
            (
                &streams,
                vec![with("audio/multiopus", [])],
                "audio/multiopus: num_streams is 4, supported is absent",
            ),
            // Only what the codec could be instead is told.
            (
                &vp9(0),
                vec![opus.clone(), vp8, rtx, mode(1)],
                "video/VP9: mimeType is video/VP9, supported is video/VP8 or video/H264",
            ),
            (
                &opus,
                vec![],
                "audio/opus: mimeType is audio/opus, supported is nothing",
            ),
        ];
        for (given, supported, expected) in rows {
            assert_eq!(why(given, &supported), expected);
        }
    }
}
