//! SCTP associations, driven by the tick: one narrow seam, and what stands behind it.
//!
//! An [`Association`] takes datagrams, commands and the time, and yields datagrams, messages and
//! events. It opens no socket, reads no clock and starts no thread.
//!
//! | implementation | |
//! |---|---|
//! | `rtc-sctp` | the default: a state machine without I/O that takes time as an argument |
//! | `webrtc-sctp` | cargo feature `webrtc-sctp`: tasks on a runtime that the tick runs until idle |
//! | [`Recorded`](Association::recorded) | plays back what one of the others yielded |
//!
//! Both libraries stand behind the same gate: they see no packet that
//! [`wire::sctp::check`](flumen_wire::sctp::check()) refuses, none with a wrong
//! verification tag and no chunk type or parameter that they do not know. Stream resets
//! (RFC 6525), heartbeats (RFC 9260 section 8.3), handshakes that cross and the bounds on what a
//! peer can make an association hold are the gate's, so that they are the same for both.
//!
//! The libraries draw tags, first sequence numbers and cookies from the operating system, unless
//! they are drawn [for them](Association::drawing_from): then every byte repeats.

mod asked;
mod association;
mod bounds;
mod command;
mod config;
mod core;
mod deferred;
mod entry;
mod error;
mod event;
mod exit;
mod gate;
mod handshakes;
mod heartbeat;
mod held;
mod identifiers;
mod identity;
mod library;
mod machine;
mod output;
mod phase;
mod recorded;
mod renewal;
mod resets;
mod rtc;
mod shift;
mod stack;
mod state;
mod streams;
mod successor;
mod waiting;
#[cfg(feature = "webrtc-sctp")]
mod webrtc;

pub use association::Association;
pub use command::{OutgoingMessage, Reliability};
pub use config::{Config, Epoch};
pub use error::{Refused, SendRefused};
pub use event::{AssociationEvent, Failure, UserMessage};
pub use output::Output;
pub use recorded::Tape;
pub use stack::Stack;
pub use state::State;

/// Both ports of every association, as the other end expects (RFC 8841 leaves them to signalling;
/// every data channel stack uses this one).
pub const PORT: u16 = 5_000;
