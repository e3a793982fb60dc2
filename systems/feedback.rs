//! Feedback: what senders are asked for and told, and what receivers get again.

mod answer_nacks;
mod request_key_frames;
mod request_missing;
mod rtcp_exits;
mod send_reports;
mod send_sctp;
mod tell_bandwidth;
mod wish_on_connect;

pub(crate) use answer_nacks::answer_nacks;
pub(crate) use request_key_frames::request_key_frames;
pub(crate) use request_missing::request_missing;
pub(crate) use send_reports::send_reports;
pub(crate) use send_sctp::send_sctp;
pub(crate) use tell_bandwidth::tell_bandwidth;
pub(crate) use wish_on_connect::wish_on_connect;
