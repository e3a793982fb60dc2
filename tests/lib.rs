//! What the tests share: a room on the loopback backend, packets, and parameters.

pub mod feedback;
mod network;
mod noise;
mod packet;
mod parameters;
mod room;
pub mod victims;

pub use noise::Noise;
pub use packet::{Packet, VP8_DELTA_FRAME, VP8_KEY_FRAME};
pub use parameters::{media_codecs, opus, vp8, with_retransmissions};
pub use room::{Received, Room};
