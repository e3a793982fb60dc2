//! Forward: who gets which packet.

mod choose;
mod choose_layer;
mod delivery;
mod fan_out;
mod fan_out_messages;
mod keep_packets;
mod origin;
mod repeat;
mod sent;
mod tell_layers;
mod template;

pub(crate) use fan_out::fan_out;
pub(crate) use fan_out_messages::fan_out_messages;
pub(crate) use keep_packets::keep_packets;
pub(crate) use repeat::{Repeat, RtxStream, Sender, repeat};
pub(crate) use tell_layers::tell_layers;
