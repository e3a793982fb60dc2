//! What encoders make of pictures and tell of them in front of their payloads, and what is read there:
//! by the rules of each payload format, without a picture.

mod bits;
mod dependencies;
mod encoder;
mod frame;
mod seen;
mod stacking;
mod vp8;
mod vp9;

pub use dependencies::{Dependencies, DependencyEncoder, Wrapping};
pub use encoder::Encoder;
pub use frame::{Coded, Frame, FrameId, Head};
pub use seen::{Format, Seen};
pub use stacking::Stacking;
pub use vp8::Vp8Encoder;
pub use vp9::{Vp9Encoder, Vp9Mode};
