//! Protect: datagrams wait for their turn and get what must carry the time of leaving; where a path
//! is probed there is padding.

mod pace;
mod send_probes;
mod stamp_departures;

pub(crate) use pace::pace;
pub(crate) use send_probes::send_probes;
pub(crate) use stamp_departures::stamp_departures;
