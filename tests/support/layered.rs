//! Layered producers, frame by frame, and what their receivers can decode.

mod bits;
mod call;
mod dependencies;
mod frame;
mod receiver;
mod repair;
mod vp8;
mod vp9;

pub use call::{Encoder, LayeredCall, Source, ssrc_of};
pub use dependencies::{
    DEPENDENCIES, DependencyEncoder, FORWARDED_DEPENDENCIES, Stacking, Wrapping, descriptor_of,
};
pub use frame::{Frame, FrameId, Seen};
pub use receiver::{Decoded, Path, Receiver};
pub use vp8::Vp8Encoder;
pub use vp9::{Vp9Encoder, Vp9Mode};
