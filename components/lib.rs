//! What the world of Flumen is made of: one noun a file.
#![forbid(unsafe_code)]

mod inbox;
mod outbox;
mod parked;
mod refusal;
mod socket;
mod time;

pub use flumen_wire as wire;
pub use inbox::{Datagram, Inbox, Origin};
pub use outbox::{Destination, Outbox, Outgoing};
pub use parked::Parked;
pub use refusal::Refusal;
pub use socket::{Socket, SocketKey};
pub use time::{Now, NtpEpoch, Time};
