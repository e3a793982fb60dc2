//! Receive: each stream takes in what arrived.

mod describe;
mod read_capture_times;
mod read_orientation;
mod receive_messages;
mod receive_reports;
mod receive_rtcp;
mod receive_rtp;
mod receive_sctp;
mod trace_packets;

pub(crate) use read_capture_times::read_capture_times;
pub(crate) use read_orientation::read_orientation;
pub(crate) use receive_messages::receive_messages;
pub(crate) use receive_reports::receive_reports;
pub(crate) use receive_rtcp::receive_rtcp;
pub(crate) use receive_rtp::receive_rtp;
pub(crate) use receive_sctp::receive_sctp;
pub(crate) use trace_packets::trace_packets;
