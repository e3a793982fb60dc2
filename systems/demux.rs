//! Demux: each datagram is classified and finds its owner.

mod claim_datagrams;
mod discovery;
mod find_streams;
mod fire_deadlines;
mod note_arrivals;
mod replace_stream;
mod spawn_stream;

pub(crate) use claim_datagrams::claim_datagrams;
pub(crate) use find_streams::find_streams;
pub(crate) use fire_deadlines::fire_deadlines;
pub(crate) use note_arrivals::note_arrivals;
