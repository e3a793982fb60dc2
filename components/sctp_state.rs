//! The state of an SCTP association.

use serde::{Deserialize, Serialize};

/// The state of an association, with the names of the JavaScript API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SctpState {
    /// Nothing was asked for, and no handshake has come through.
    #[default]
    New,
    /// INIT has been sent.
    Connecting,
    /// Messages flow.
    Connected,
    /// It ended otherwise than by agreement.
    Failed,
    /// It was shut down, or aborted from here.
    Closed,
}
