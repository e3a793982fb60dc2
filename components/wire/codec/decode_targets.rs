//! What a receiver may choose from: AV1 RTP specification, section A.8.3.

use super::templates::Layers;

/// How many decode targets a structure has at most.
const TARGETS_MAX: usize = 32;

/// The subsets of layers that a receiver may choose from: 1 to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeTargets {
    /// How many there are.
    pub count: u8,
    layers: [Layers; TARGETS_MAX],
}

crate::state! { struct DecodeTargets { count, layers } }

impl DecodeTargets {
    /// So many, of which no layer is known.
    pub(super) fn new(count: u8) -> Self {
        Self {
            count,
            layers: [Layers::default(); TARGETS_MAX],
        }
    }

    /// Takes in which targets frames of a template are part of, a bit each, and their layers: the
    /// layers of a target are the highest of the frames that are part of it.
    pub(super) fn note(&mut self, parts: impl Iterator<Item = (u32, Layers)> + Clone) {
        for (target, layers) in (0..self.count).zip(&mut self.layers) {
            let of_target = parts.clone().filter(|(all, _)| all >> target & 1 == 1);
            for (_, part) in of_target {
                layers.spatial = layers.spatial.max(part.spatial);
                layers.temporal = layers.temporal.max(part.temporal);
            }
        }
    }

    /// The targets that whoever gets these layers can decode: a bit each.
    pub fn up_to(&self, spatial: u8, temporal: u8) -> u32 {
        self.all(|layers| layers.spatial <= spatial && layers.temporal <= temporal)
    }

    /// Spatial layers of which a frame is needed that is part of `targets`: a bit each, the lowest
    /// for layer 0. A layer that no target has is seen as the next lower one that a target has.
    pub fn served(&self, targets: u32) -> u8 {
        let mut served = 0;
        let mut below = false;
        for spatial in 0..8 {
            let own = self.all(|layers| layers.spatial == spatial);
            if own != 0 {
                below = own & targets != 0;
            }
            served |= u8::from(below) << spatial;
        }
        served
    }

    /// The spatial layers of these targets: a bit each.
    pub fn spatial_of(&self, targets: u32) -> u8 {
        let has = |spatial: &u8| self.all(|layers| layers.spatial == *spatial) & targets != 0;
        (0..8)
            .filter(has)
            .fold(0, |all, spatial| all | 1 << spatial)
    }

    /// One of these targets is of a higher spatial layer.
    pub(super) fn is_needed_above(&self, spatial: u8, targets: u32) -> bool {
        self.all(|layers| layers.spatial > spatial) & targets != 0
    }

    fn all(&self, is_it: impl Fn(&Layers) -> bool) -> u32 {
        let layers = self.layers[..usize::from(self.count)].iter();
        let bits = layers
            .enumerate()
            .map(|(target, layers)| u32::from(is_it(layers)) << target);
        bits.fold(0, |all, bit| all | bit)
    }
}
