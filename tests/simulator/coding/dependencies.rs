//! Frames that tell what they need in dependency descriptors (AV1 RTP specification, appendix A),
//! and what a decoder reads of them.

mod encoder;
mod reading;
mod structure;

pub use encoder::{DependencyEncoder, Wrapping};
pub use reading::Dependencies;
pub(super) use reading::see;
