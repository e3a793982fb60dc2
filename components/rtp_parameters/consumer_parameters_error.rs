//! Why a consumer cannot be.

use thiserror::Error;

use super::CapabilitiesError;

/// Why a consumer cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsumerParametersError {
    /// The endpoint's capabilities are malformed.
    #[error(transparent)]
    Capabilities(#[from] CapabilitiesError),
    /// The endpoint has none of the producer's media codecs.
    #[error("no compatible media codec")]
    NoCompatibleCodec,
    /// The MID is empty or longer than 8 bytes.
    #[error("mid {mid:?} is not of 1 to 8 bytes")]
    MidInvalid {
        /// The MID given.
        mid: String,
    },
}
