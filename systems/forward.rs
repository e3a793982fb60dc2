//! Forward: who gets which packet.

mod fan_out;
mod fan_out_messages;
mod template;

pub(crate) use fan_out::fan_out;
pub(crate) use fan_out_messages::fan_out_messages;
