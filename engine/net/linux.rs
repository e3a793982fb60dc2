//! Linux: many datagrams a system call, many datagrams a walk through the network stack.

mod abilities;
mod batch;
mod control;
mod name;
mod receiver;
mod sender;
mod timeout;

pub(crate) use abilities::Abilities;
pub use receiver::Receiver;
pub use sender::Sender;
pub use timeout::poll;
