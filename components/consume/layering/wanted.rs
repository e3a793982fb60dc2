//! What is wanted of the frames of one stream.

use crate::consume::layering::selection::ConsumerLayers;
use crate::media::descriptor::Descriptor;

/// All spatial layers that a stream may have, where streams are the spatial layers.
pub(super) const EVERY_SPATIAL_LAYER: u8 = u8::MAX;

impl ConsumerLayers {
    /// Who gets these layers of a stream needs the frame.
    pub(super) fn wants(self, frame: &Descriptor) -> bool {
        frame.temporal_layer <= self.temporal_layer && self.wants_spatially(frame)
    }

    /// The same at any rate of frames.
    pub(super) fn wants_spatially(self, frame: &Descriptor) -> bool {
        self.spatial_layer == EVERY_SPATIAL_LAYER || frame.serves(self.spatial_layer)
    }

    /// The lower one of each.
    pub(super) fn lower(self, other: Self) -> Self {
        Self {
            spatial_layer: self.spatial_layer.min(other.spatial_layer),
            temporal_layer: self.temporal_layer.min(other.temporal_layer),
        }
    }
}
