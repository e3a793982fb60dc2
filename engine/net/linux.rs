//! Linux: many datagrams a system call, many datagrams a walk through the network stack.

mod abilities;
mod batch;
mod control;
mod events;
mod name;
mod receiver;
mod sender;
mod uncut;

pub(crate) use abilities::Abilities;
pub use events::{Events, poll};
pub use receiver::Receiver;
pub use sender::Sender;
