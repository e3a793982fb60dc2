//! Layered producers, frame by frame, and what their receivers can decode.

mod frame;
mod receiver;
mod simulcast;
mod vp8;

pub use frame::{Frame, FrameId};
pub use receiver::{Decoded, Path, Receiver};
pub use simulcast::{Simulcast, Source, ssrc_of};
pub use vp8::{Vp8Encoder, Vp8Seen};
