//! Why a codec is none of those that are supported.

use std::fmt;

/// In what a codec differs from those that are supported: the first thing that it shares with none
/// of those that it is like in all before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodecDifference {
    /// The MIME type of the codec.
    pub mime_type: String,
    /// `mimeType`, `clockRate`, `channels`, or the name of a format parameter.
    pub parameter: &'static str,
    /// What the codec has; texts of format parameters are quoted.
    pub given: String,
    /// What is supported instead, each once; nothing when there are no codecs at all.
    pub supported: Vec<String>,
}

impl fmt::Display for CodecDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mime_type,
            parameter,
            given,
            supported,
        } = self;
        write!(f, "{mime_type}: {parameter} is {given}, supported is ")?;
        match supported.as_slice() {
            [] => f.write_str("nothing"),
            supported => f.write_str(&supported.join(" or ")),
        }
    }
}
