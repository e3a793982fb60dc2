//! What the tests share: a room on the loopback backend, packets, and parameters.

mod packet;
mod parameters;
mod room;

pub use packet::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
pub use parameters::{media_codecs, opus, vp8};
pub use room::{Received, Room};
