//! Forward: who gets which packet.

mod choose;
mod fan_out;
mod fan_out_messages;
mod keep_packets;
mod repeat;
mod template;

pub(crate) use fan_out::fan_out;
pub(crate) use fan_out_messages::fan_out_messages;
pub(crate) use keep_packets::keep_packets;
pub(crate) use repeat::{RtxStream, Sender, repeat};
