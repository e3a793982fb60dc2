//! Why a consumer cannot be.

use thiserror::Error;

use super::{CapabilitiesError, CodecDifference};

/// Why a consumer cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsumerParametersError {
    /// The endpoint's capabilities are malformed.
    #[error(transparent)]
    Capabilities(#[from] CapabilitiesError),
    /// The endpoint has none of the producer's media codecs.
    #[error("no compatible media codec: {}", listed(differences))]
    NoCompatibleCodec {
        /// In what each of them differs from those of the endpoint.
        differences: Vec<CodecDifference>,
    },
    /// The MID is empty, or longer than the 255 bytes that a header extension can hold (RFC 8285,
    /// section 4.3).
    #[error("mid {mid:?} is not of 1 to 255 bytes")]
    MidInvalid {
        /// The MID given.
        mid: String,
    },
}

fn listed(differences: &[CodecDifference]) -> String {
    let sentences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}
