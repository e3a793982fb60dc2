//! Codecs by name.

/// A codec, as its MIME type names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// `audio/opus` (RFC 7587).
    Opus,
    /// `audio/multiopus`: Opus with more than two channels, as Chromium sends it.
    MultiOpus,
    /// `audio/PCMU` (RFC 3551).
    Pcmu,
    /// `audio/PCMA` (RFC 3551).
    Pcma,
    /// `audio/ISAC`.
    Isac,
    /// `audio/G722` (RFC 3551).
    G722,
    /// `audio/iLBC` (RFC 3952).
    Ilbc,
    /// `audio/SILK`.
    Silk,
    /// `audio/CN`, comfort noise (RFC 3389).
    Cn,
    /// `audio/telephone-event`, DTMF (RFC 4733).
    TelephoneEvent,
    /// `video/VP8` (RFC 7741).
    Vp8,
    /// `video/VP9` (RFC 9628).
    Vp9,
    /// `video/H264` (RFC 6184).
    H264,
    /// `video/H265` (RFC 7798).
    H265,
    /// `video/AV1`.
    Av1,
    /// `rtx` of either kind: retransmissions of another payload type (RFC 4588).
    Rtx,
    /// `red` of either kind (RFC 2198).
    Red,
    /// `ulpfec` and `x-ulpfecuc` of either kind (RFC 5109).
    Ulpfec,
    /// `flexfec` and its drafts of either kind (RFC 8627).
    Flexfec,
    /// Any other.
    Other,
}

crate::snapshot::state! {
    enum Codec {
        Opus, MultiOpus, Pcmu, Pcma, Isac, G722, Ilbc, Silk, Cn, TelephoneEvent, Vp8, Vp9, H264,
        H265, Av1, Rtx, Red, Ulpfec, Flexfec, Other
    }
}

impl Codec {
    /// The codec that `mime_type` (such as `video/VP8`, case does not matter) names.
    pub fn of_mime_type(mime_type: &str) -> Self {
        BY_MIME_TYPE
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(mime_type))
            .map_or(Self::Other, |&(_, codec)| codec)
    }

    /// Whether packets of this codec carry media of their own, rather than the repair or the
    /// wrapping of another payload type.
    pub const fn is_media(self) -> bool {
        !matches!(self, Self::Rtx | Self::Red | Self::Ulpfec | Self::Flexfec)
    }

    /// Whether an RTX codec may not name packets of this codec in its `apt`.
    pub(super) const fn is_repair(self) -> bool {
        matches!(self, Self::Rtx | Self::Ulpfec | Self::Flexfec)
    }

    /// Whether a key frame of this codec can be told from its RTP payload, so that a consumer may
    /// wait for one before it forwards.
    ///
    /// AV1 counts: the N bit of its aggregation header, which every packet has, marks the start of
    /// a coded video sequence (RTP Payload Format For AV1, section 4.4). mediasoup reads AV1 key
    /// frames from the dependency descriptor only and hence does not wait for them in simple and
    /// pipe consumers.
    pub const fn is_key_frame_capable(self) -> bool {
        matches!(
            self,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1
        )
    }
}

const BY_MIME_TYPE: [(&str, Codec); 27] = [
    ("audio/opus", Codec::Opus),
    ("audio/multiopus", Codec::MultiOpus),
    ("audio/PCMU", Codec::Pcmu),
    ("audio/PCMA", Codec::Pcma),
    ("audio/ISAC", Codec::Isac),
    ("audio/G722", Codec::G722),
    ("audio/iLBC", Codec::Ilbc),
    ("audio/SILK", Codec::Silk),
    ("audio/CN", Codec::Cn),
    ("audio/telephone-event", Codec::TelephoneEvent),
    ("video/VP8", Codec::Vp8),
    ("video/VP9", Codec::Vp9),
    ("video/H264", Codec::H264),
    ("video/H265", Codec::H265),
    ("video/AV1", Codec::Av1),
    ("audio/rtx", Codec::Rtx),
    ("video/rtx", Codec::Rtx),
    ("audio/red", Codec::Red),
    ("video/red", Codec::Red),
    ("audio/ulpfec", Codec::Ulpfec),
    ("video/ulpfec", Codec::Ulpfec),
    ("audio/x-ulpfecuc", Codec::Ulpfec),
    ("video/x-ulpfecuc", Codec::Ulpfec),
    ("audio/flexfec", Codec::Flexfec),
    ("video/flexfec", Codec::Flexfec),
    ("audio/flexfec-03", Codec::Flexfec),
    ("video/flexfec-03", Codec::Flexfec),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Codec::of_mime_type("VIDEO/vp8"), Codec::Vp8);
        assert_eq!(Codec::of_mime_type("audio/Opus"), Codec::Opus);
        assert_eq!(Codec::of_mime_type("audio/rtx"), Codec::Rtx);
        assert_eq!(Codec::of_mime_type("audio/VP8"), Codec::Other);
        assert_eq!(Codec::of_mime_type(""), Codec::Other);
    }

    #[test]
    fn repair_is_not_media() {
        for codec in [Codec::Rtx, Codec::Red, Codec::Ulpfec, Codec::Flexfec] {
            assert!(!codec.is_media());
        }
        assert!(Codec::Other.is_media());
        assert!(Codec::TelephoneEvent.is_media());
    }

    #[test]
    fn only_codecs_whose_key_frames_are_seen_wait_for_them() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1] {
            assert!(codec.is_key_frame_capable());
        }
        for codec in [Codec::Opus, Codec::Rtx, Codec::Other] {
            assert!(!codec.is_key_frame_capable());
        }
    }
}
