//! Forward: who gets which packet.

mod choose;
mod choose_layer;
mod delivery;
mod fan_out;
mod fan_out_messages;
mod forward_packets;
mod keep_packets;
mod origin;
mod repeat;
mod sent;
mod tell_layers;
mod template;

pub(crate) use fan_out_messages::fan_out_messages;
pub(crate) use forward_packets::forward_packets;
pub(crate) use repeat::{Repeat, RtxStream, Sender, repeat};
pub(crate) use sent::Sent;
pub(crate) use tell_layers::tell_layers;
