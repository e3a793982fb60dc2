//! Feedback: what the senders are asked for.

mod request_key_frames;
mod wish_on_connect;

pub(crate) use request_key_frames::request_key_frames;
pub(crate) use wish_on_connect::wish_on_connect;
