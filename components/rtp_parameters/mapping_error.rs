//! Why a producer cannot be on a router.

use thiserror::Error;

use super::CodecDifference;

/// Why a producer's parameters do not go with a router.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The router does not have this codec.
    #[error("the codec with payload type {payload_type} is none of the router's: {difference}")]
    CodecUnsupported {
        /// Its payload type.
        payload_type: u8,
        /// In what it differs from those of the router.
        difference: CodecDifference,
    },
    /// The router's capabilities are not those of a router: a codec has no payload type.
    #[error("{mime_type} has no payload type in the router")]
    PayloadTypeMissing {
        /// The MIME type of the codec.
        mime_type: String,
    },
    /// An RTX codec for a codec that is not there.
    #[error("the RTX codec with payload type {payload_type} is for a codec that is not there")]
    RtxWithoutMedia {
        /// The payload type of the RTX codec.
        payload_type: u8,
    },
    /// The router has the codec, but no RTX codec for it.
    #[error("the router has no RTX codec for payload type {mapped_payload_type} ({mime_type})")]
    RtxUnsupported {
        /// The MIME type of the media codec.
        mime_type: String,
        /// Its payload type in the router.
        mapped_payload_type: u8,
    },
    /// The mapping is of other parameters: it lacks a codec.
    #[error("the mapping lacks payload type {payload_type}")]
    CodecUnmapped {
        /// The payload type it lacks.
        payload_type: u8,
    },
    /// The mapping is of other parameters: it has another number of encodings.
    #[error("there are {encodings} encodings, but {mapped} in the mapping")]
    EncodingsUnmapped {
        /// Number of encodings in the parameters.
        encodings: usize,
        /// Number of encodings in the mapping.
        mapped: usize,
    },
}
