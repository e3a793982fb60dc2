//! Why RTP parameters make no sense.

use thiserror::Error;

use super::{MediaKind, ProducerType};

/// Why the RTP parameters of a producer were refused.
///
/// The variants marked *stricter* are not checked by mediasoup.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RtpParametersError {
    /// `codecs` is empty.
    #[error("there are no codecs")]
    NoCodecs,
    /// The MIME type is neither `audio/…` nor `video/…`.
    #[error("{mime_type:?} is not an audio/… or video/… type")]
    MimeTypeInvalid {
        /// The MIME type given.
        mime_type: String,
    },
    /// *Stricter:* a codec of the other kind than the producer.
    #[error("{mime_type} is no codec for {kind}")]
    KindMismatch {
        /// The MIME type of the codec.
        mime_type: String,
        /// The kind of the producer.
        kind: MediaKind,
    },
    /// A payload type above 127, which the seven bits of the header cannot hold (RFC 3550, section
    /// 5.1).
    #[error("payload type {payload_type} is above 127")]
    PayloadTypeOutOfRange {
        /// The payload type given.
        payload_type: u8,
    },
    /// Two codecs with the same payload type.
    #[error("payload type {payload_type} is given to two codecs")]
    PayloadTypeDuplicated {
        /// The payload type they share.
        payload_type: u8,
    },
    /// *Stricter:* a codec whose clock stands still.
    #[error("the codec with payload type {payload_type} has a clock rate of zero")]
    ClockRateZero {
        /// The payload type of the codec.
        payload_type: u8,
    },
    /// An `apt` that is not a number.
    #[error("the apt of the codec with payload type {payload_type} is not a number")]
    AptNotANumber {
        /// The payload type of the codec.
        payload_type: u8,
    },
    /// An RTX codec that does not say what it retransmits (RFC 4588, section 8.6).
    #[error("the RTX codec with payload type {payload_type} has no apt")]
    AptMissing {
        /// The payload type of the RTX codec.
        payload_type: u8,
    },
    /// An RTX codec for a codec that is not there.
    #[error(
        "the RTX codec with payload type {payload_type} is for codec {apt}, which is not there"
    )]
    AptUnknown {
        /// The payload type of the RTX codec.
        payload_type: u8,
        /// The payload type it is for.
        apt: i64,
    },
    /// An RTX codec for a codec that is itself repair: RTX, ULPFEC or FLEXFEC.
    #[error("the RTX codec with payload type {payload_type} is for {mime_type} ({apt})")]
    AptIsRepair {
        /// The payload type of the RTX codec.
        payload_type: u8,
        /// The payload type it is for.
        apt: u8,
        /// What that is.
        mime_type: String,
    },
    /// No codec carries media.
    #[error("there is no media codec")]
    NoMediaCodec,
    /// RTCP feedback of no type.
    #[error("the codec with payload type {payload_type} has RTCP feedback of no type")]
    FeedbackTypeEmpty {
        /// The payload type of the codec.
        payload_type: u8,
    },
    /// A header extension that no URI names.
    #[error("the header extension with id {id} has no uri")]
    HeaderExtensionUriEmpty {
        /// Its id.
        id: u8,
    },
    /// A header extension with id 0, which is padding (RFC 8285, section 4.2).
    #[error("header extension {uri} has id 0")]
    HeaderExtensionIdZero {
        /// The URI of the extension.
        uri: String,
    },
    /// *Stricter:* two header extensions with the same id (RFC 8285, section 5).
    #[error("header extension id {id} is given to two extensions")]
    HeaderExtensionIdDuplicated {
        /// The id they share.
        id: u8,
    },
    /// An encoding whose `codecPayloadType` is not that of a media codec.
    #[error("the encoding's codecPayloadType {payload_type} is not that of a media codec")]
    CodecPayloadTypeUnknown {
        /// The payload type given.
        payload_type: u8,
    },
    /// Several encodings of which one has several spatial layers.
    #[error("both simulcast and SVC: several encodings, and one of them is {scalability_mode}")]
    SimulcastAndSvc {
        /// The scalability mode of that encoding.
        scalability_mode: String,
    },
    /// There are no encodings, and no MID.
    #[error("packets could not be told: encodings is empty, and there is no mid")]
    NoEncodings,
    /// One of several encodings has neither SSRC nor RID, or the only one has neither and there is
    /// no MID.
    #[error("packets of encoding {index} could not be told: it has neither ssrc nor rid")]
    EncodingUnidentified {
        /// The number of the encoding, counted from zero.
        index: usize,
    },
    /// *Stricter:* two streams, media or RTX, with the same SSRC.
    #[error("ssrc {ssrc} is given to two streams")]
    SsrcDuplicated {
        /// The SSRC they share.
        ssrc: u32,
    },
    /// *Stricter:* two encodings with the same RID.
    #[error("rid {rid:?} is given to two encodings")]
    RidDuplicated {
        /// The RID they share.
        rid: String,
    },
    /// *Stricter:* a RID that is not made of letters, digits, `-` and `_` (RFC 8851, section 10;
    /// RFC 8852, section 3.1, allows letters and digits only), or is longer than the 255 bytes of a
    /// header extension.
    #[error("rid {rid:?} is not a RID")]
    RidInvalid {
        /// The RID given.
        rid: String,
    },
    /// A MID of more than the 255 bytes that a header extension can hold (RFC 8285, section 4.3).
    #[error("mid {mid:?} is longer than 255 bytes")]
    MidTooLong {
        /// The MID given.
        mid: String,
    },
    /// A codec that cannot be used in this way: several encodings, and layers in a single
    /// one, need VP8, VP9, H264, H265 or AV1.
    #[error("{mime_type} codec not supported for {producer_type}")]
    CodecUnsupportedForType {
        /// The MIME type of the codec.
        mime_type: String,
        /// How it would have been used.
        producer_type: ProducerType,
    },
}
