//! Protect: datagrams get what must carry the time of leaving.

mod stamp_departures;

pub(crate) use stamp_departures::stamp_departures;
