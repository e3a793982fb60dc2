//! What is wrong with a session description.

use flumen_components::rtp_parameters::MappingError;
use thiserror::Error;

/// A session description cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SdpError {
    /// It is longer than any client's.
    #[error("a session description has at most {max} bytes, not {len}")]
    TooLong {
        /// Its bytes.
        len: usize,
        /// The most it may have.
        max: usize,
    },
    /// It is no session description (RFC 8866).
    #[error("not a session description: {0}")]
    Syntax(String),
    /// It has more of something than any client has.
    #[error("a session description has at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most it may have.
        max: usize,
    },
    /// A section has no `a=mid` (RFC 9143), or that of another.
    #[error("section {section} has no mid of its own")]
    Mid {
        /// The section, from 0.
        section: usize,
    },
    /// Something is missing that a WebRTC peer says.
    #[error("there is no a={0}")]
    Missing(&'static str),
    /// An attribute has another value than it may have.
    #[error("a={name} has the value {value:?}")]
    Value {
        /// The attribute.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// A line has a carriage return, a line feed or a zero inside, where some readers end it: one of an
    /// offer, or one of an answer that what it says would break.
    #[error("a line breaks: {0:?}")]
    Line(String),
    /// There is no such section, or it is of another kind than what is asked of it.
    #[error("section {0} does not carry that")]
    Section(usize),
    /// A section has no codec that the router has; why its first one is not.
    #[error("no codec of section {section} can be received: {reason}")]
    NoCodec {
        /// The section, from 0.
        section: usize,
        /// In what the first codec differs; that there is none, otherwise.
        reason: NoCodec,
    },
    /// An answer says another number of sections than the offer has.
    #[error("an answer has as many sections as its offer: {expected}, not {given}")]
    Sections {
        /// Of the offer.
        expected: usize,
        /// Of the answer.
        given: usize,
    },
}

/// Why no codec can be received.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoCodec {
    /// The section has none.
    #[error("it has none")]
    None,
    /// The router does not have the first one.
    #[error(transparent)]
    Unsupported(MappingError),
}
