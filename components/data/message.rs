//! A message of a data channel, as the application sends it.

use crate::data::subchannels::Audience;
use crate::wire::ppid;

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A string.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// A message to send, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it says.
    pub content: Content<'a>,
    /// The payload protocol identifier (RFC 8831 section 8); by the content when not given: 51 for
    /// a string, 53 for bytes, 56 and 57 for empty ones. Under 56 and 57 the content is not sent.
    pub ppid: Option<u32>,
    /// Only data consumers that subscribed to one of these get it; all do when there is none.
    pub subchannels: &'a [u16],
    /// Only data consumers that subscribed to this one, too, get it.
    pub required_subchannel: Option<u16>,
    /// Data consumers that subscribed to this one do not get it.
    pub ignored_subchannel: Option<u16>,
}

impl<'a> Message<'a> {
    /// A string for everybody.
    pub fn text(text: &'a str) -> Self {
        Self::of(Content::Text(text))
    }

    /// Bytes for everybody.
    pub fn binary(bytes: &'a [u8]) -> Self {
        Self::of(Content::Binary(bytes))
    }

    fn of(content: Content<'a>) -> Self {
        Self {
            content,
            ppid: None,
            subchannels: &[],
            required_subchannel: None,
            ignored_subchannel: None,
        }
    }

    /// Whom it is for; the subchannels are as they were given.
    pub fn audience(&self) -> Audience<'a> {
        Audience {
            subchannels: self.subchannels,
            required: self.required_subchannel,
            ignored: self.ignored_subchannel,
        }
    }

    /// The payload protocol identifier and the payload that it is sent with.
    pub fn coded(&self) -> (u32, &'a [u8]) {
        let (bytes, full, empty) = match self.content {
            Content::Text(text) => (text.as_bytes(), ppid::STRING, ppid::STRING_EMPTY),
            Content::Binary(bytes) => (bytes, ppid::BINARY, ppid::BINARY_EMPTY),
        };
        let derived = if bytes.is_empty() { empty } else { full };
        match self.ppid.unwrap_or(derived) {
            ppid::STRING_EMPTY => (ppid::STRING_EMPTY, b" "),
            ppid::BINARY_EMPTY => (ppid::BINARY_EMPTY, &[0]),
            other => (other, bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_under_which_identifier_it_is_sent() {
        let text = Message::text;
        let binary = Message::binary;
        let under = |ppid, message| Message {
            ppid: Some(ppid),
            ..message
        };
        let rows: [(Message<'_>, u32, &[u8]); 10] = [
            (text("hello"), 51, b"hello"),
            (text(""), 56, b" "),
            (binary(b"hello"), 53, b"hello"),
            (binary(b""), 57, &[0]),
            (under(53, text("as bytes")), 53, b"as bytes"),
            (under(50, binary(&[3])), 50, &[3]),
            (under(1_000_000, binary(&[3])), 1_000_000, &[3]),
            (under(56, text("not sent")), 56, b" "),
            (under(57, binary(b"not sent")), 57, &[0]),
            (under(53, binary(b"")), 53, b""),
        ];
        for (message, ppid, payload) in rows {
            assert_eq!(message.coded(), (ppid, payload), "{message:?}");
        }
    }
}
