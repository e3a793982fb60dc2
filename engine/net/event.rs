//! What a poll told.

use mio::Token;

/// A source is ready for something, or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the source was registered with.
    pub token: Token,
    /// There is something to read.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The peer writes no more, or the source is closed.
    pub read_closed: bool,
    /// It failed; reading tells how.
    pub error: bool,
}
