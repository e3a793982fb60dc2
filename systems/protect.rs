//! Protect: datagrams get what must carry the time of leaving, and padding where a path is probed.

mod send_probes;
mod stamp_departures;

pub(crate) use send_probes::send_probes;
pub(crate) use stamp_departures::stamp_departures;
