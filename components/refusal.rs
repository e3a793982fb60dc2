//! Why a datagram that was to be sent was not.

use serde::{Deserialize, Serialize};

/// Why an enqueued datagram could not be sent. Part of the egress ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Refusal {
    /// The socket would block and the transport's waiting queue is full.
    QueueFull,
    /// The application did not collect what its direct transport delivered.
    DirectQueueFull,
    /// The transport closed while the datagram waited.
    TransportClosed,
    /// The socket is gone.
    SocketClosed,
    /// Longer than the path or the system allows (EMSGSIZE).
    TooLarge,
    /// Host, network or port unreachable, or the peer refused it (ICMP).
    Unreachable,
    /// The system does not permit this destination (EPERM, EACCES): often a firewall.
    NotPermitted,
    /// The destination address cannot be used from this socket (EINVAL, EAFNOSUPPORT ...).
    AddressInvalid,
    /// The system had no memory or buffers left (ENOBUFS, ENOMEM).
    NoBuffers,
    /// The system reported an error that none of the above names.
    SystemError,
}
