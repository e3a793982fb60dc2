//! What is to be done, one after the other.

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// As it was asked for.
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) has_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Seed,
    Longest,
    Streams,
    Send,
    Queue,
    Receive,
    Reset,
    ResetBy,
    Shutdown,
    Abort,
    Closed,
}

impl Step {
    /// Reads `NAME=NUMBER`, or `NAME`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once('=') {
            Some((name, number)) => (name, number.parse().ok()),
            None => (text, None),
        };
        let kind = match (name, number) {
            ("seed", Some(_)) => Kind::Seed,
            ("longest", Some(_)) => Kind::Longest,
            ("streams", Some(_)) => Kind::Streams,
            ("send", Some(_)) => Kind::Send,
            ("queue", Some(_)) => Kind::Queue,
            ("receive", Some(_)) => Kind::Receive,
            ("reset", Some(_)) => Kind::Reset,
            ("reset-by", Some(_)) => Kind::ResetBy,
            ("shutdown", None) => Kind::Shutdown,
            ("abort", None) => Kind::Abort,
            ("closed", None) => Kind::Closed,
            _ => return Err(format!("{text}: there is no such step")),
        };
        Ok(Self {
            text: text.to_owned(),
            kind,
            number: number.unwrap_or(0),
            has_begun: false,
        })
    }
}
