//! What happens to a connection.

use super::{Failure, SrtpKeys};

/// What happened; each but the last of a kind changes the [`State`](super::State).
#[derive(Clone, Debug)]
pub enum Event {
    /// The handshake began.
    Connecting,
    /// The peer is who it should be. The keys of both directions; none if the peer's ClientHello
    /// does not ask for SRTP at all, as of those that only open data channels.
    Connected(Option<SrtpKeys>),
    /// It came to no good end, and does not begin anew.
    Failed(Failure),
    /// One end has said goodbye.
    Closed,
}
