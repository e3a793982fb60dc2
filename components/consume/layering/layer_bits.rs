//! Layers as bits: the lowest for layer 0, the highest for all from layer 7 on.

/// The bit of a layer.
pub(super) fn bit(layer: u8) -> u8 {
    1 << layer.min(7)
}

/// The bits of a layer and those below it.
pub(super) fn up_to(layer: u8) -> u8 {
    u8::MAX >> (7 - layer.min(7))
}
