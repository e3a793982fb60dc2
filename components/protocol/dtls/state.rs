//! The state of a connection, and who began it.

use serde::{Deserialize, Serialize};

/// The state of a connection, with the names of the JavaScript API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Neither end has begun.
    #[default]
    New,
    /// The handshake is under way, or over while it is not known yet whom to expect.
    Connecting,
    /// The peer is who it should be, and keys are there.
    Connected,
    /// The handshake did not come to a good end, or the peer broke off.
    Failed,
    /// One end has said goodbye.
    Closed,
}

flumen_wire::state! { enum State { New, Connecting, Connected, Failed, Closed } }

/// Who begins the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever does.
    #[default]
    Auto,
    /// The one who sends the ClientHello.
    Client,
    /// The one who answers it.
    Server,
}

flumen_wire::state! { enum Role { Auto, Client, Server } }
