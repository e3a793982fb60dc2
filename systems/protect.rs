//! Protect: datagrams wait for their turn and get what must carry the time of leaving; where a path
//! is probed there is padding. What leaves on protected transports is sealed at last.

mod division;
mod hold_back;
mod old_packets;
mod pace;
mod seal;
mod send_probes;
mod stamp_departures;

pub(crate) use hold_back::hold_back;
pub(crate) use pace::pace;
pub use seal::Sealing;
pub(crate) use send_probes::send_probes;
pub(crate) use stamp_departures::stamp_departures;
