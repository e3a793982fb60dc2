//! The state of an SCTP association.

use serde::{Deserialize, Serialize};

/// The state of an association, with the names of the JavaScript API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing was asked for, and no handshake has come through.
    #[default]
    New,
    /// INIT has been sent. Amid an association: its peer has restarted and lost what it had, and
    /// `connected` follows at once.
    Connecting,
    /// Messages flow.
    Connected,
    /// It ended otherwise than by agreement. It does not begin anew: that takes another transport.
    Failed,
    /// It was shut down, or aborted from here.
    Closed,
}

flumen_wire::state! { enum State { New, Connecting, Connected, Failed, Closed } }
