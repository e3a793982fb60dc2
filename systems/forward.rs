//! Forward: who gets which packet.

mod fan_out;
mod template;

pub(crate) use fan_out::fan_out;
