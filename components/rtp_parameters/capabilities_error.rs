//! Why RTP capabilities make no sense.

use thiserror::Error;

use super::CodecDifference;

/// Why RTP capabilities, or the codecs a router is to have, were refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CapabilitiesError {
    /// The MIME type is neither `audio/…` nor `video/…`.
    #[error("{mime_type:?} is not an audio/… or video/… type")]
    MimeTypeInvalid {
        /// The MIME type given.
        mime_type: String,
    },
    /// An `apt` that is not a number.
    #[error("the apt of {mime_type} is not a number")]
    AptNotANumber {
        /// The MIME type of the codec.
        mime_type: String,
    },
    /// A payload type above 127, which the seven bits of the header cannot hold (RFC 3550, section
    /// 5.1).
    #[error("preferredPayloadType {payload_type} is above 127")]
    PayloadTypeOutOfRange {
        /// The payload type given.
        payload_type: u8,
    },
    /// No router can forward this codec.
    #[error("codec is not supported: {difference}")]
    CodecUnsupported {
        /// In what it differs from those that can be forwarded.
        difference: CodecDifference,
    },
    /// Two codecs prefer the same payload type.
    #[error("preferredPayloadType {payload_type} is given to two codecs")]
    PayloadTypeDuplicated {
        /// The payload type they share.
        payload_type: u8,
    },
    /// More codecs than the 32 dynamic payload types, 96 to 127.
    #[error("{mime_type} is one codec more than there are payload types")]
    PayloadTypesExhausted {
        /// The MIME type of the codec that got none.
        mime_type: String,
    },
}
