//! Demux: each datagram is classified and finds its owner.

mod answer_checks;
mod claim_datagrams;
mod demultiplex;
mod discovery;
mod find_streams;
mod fire_deadlines;
mod follow_connections;
mod note_arrivals;
mod receive_dtls;
mod replace_stream;
mod settle_sessions;
mod spawn_stream;

pub(crate) use answer_checks::{answer_checks, forget_tuple, forget_username, watch_consent};
pub(crate) use demultiplex::demultiplex;
pub(crate) use fire_deadlines::fire_deadlines;
pub(crate) use follow_connections::{admit_connections, end_connections};
pub(crate) use note_arrivals::note_arrivals;
pub(crate) use receive_dtls::{fire_dtls, receive_dtls};
pub(crate) use settle_sessions::{go_on, settle_sessions, tell_ways};
