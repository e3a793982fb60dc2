//! What makes frames.

use super::{Coded, DependencyEncoder, FrameId, Vp8Encoder, Vp9Encoder};
use crate::draw::Draw;

/// What makes frames.
#[derive(Clone, Debug)]
pub enum Encoder {
    /// VP8 in temporal layers.
    Vp8(Vp8Encoder),
    /// VP9 in spatial and temporal layers.
    Vp9(Vp9Encoder),
    /// Any codec that tells layers in dependency descriptors.
    Dependent(DependencyEncoder),
}

impl Encoder {
    /// The frames of the next picture, the first of which will be `id`, in as many packets each as
    /// `count` says of its spatial and temporal layer.
    pub fn encode(
        &mut self,
        id: FrameId,
        is_key: bool,
        noise: &mut dyn Draw,
        mut count: impl FnMut(&mut dyn Draw, (u8, u8)) -> u8,
    ) -> Vec<Coded> {
        match self {
            Self::Vp8(encoder) => vec![encoder.encode(id, is_key, noise, &mut count)],
            Self::Vp9(encoder) => encoder.encode(id, is_key, noise, &mut count),
            Self::Dependent(encoder) => encoder.encode(id, is_key, noise, &mut count),
        }
    }

    /// Makes more spatial layers, or fewer; true when that takes a key picture.
    pub fn set_spatial(&mut self, layers: u8) -> bool {
        match self {
            Self::Vp8(_) => false,
            Self::Vp9(encoder) => encoder.set_spatial(layers),
            Self::Dependent(encoder) => encoder.set_spatial(layers),
        }
    }
}
