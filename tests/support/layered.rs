//! Layered producers, frame by frame, and what their receivers can decode.

mod call;
mod frame;
mod receiver;
mod repair;

pub use call::{
    DEPENDENCIES, FORWARDED_DEPENDENCIES, LayeredCall, Source, ignoring_descriptors, ssrc_of,
};
pub use flumen_sim::coding::{Stacking, Vp9Mode, Wrapping};
pub use frame::Frame;
pub use receiver::{Decoded, Path, Receiver, descriptor_of};
