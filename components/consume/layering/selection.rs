//! Which layer a consumer is to get.

use serde::{Deserialize, Serialize};

use crate::consume::layering::layer_bits::up_to;
use crate::media::layer_rates::LayerCounts;

/// A layer of a layered producer, with all those below it that it needs.
///
/// The encodings of simulcast are spatial layers, in the order of the producer's parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerLayers {
    /// The spatial layer; 0 is the smallest picture.
    pub spatial_layer: u8,
    /// The temporal layer; 0 is the lowest rate.
    pub temporal_layer: u8,
}

crate::snapshot::state! { struct ConsumerLayers { spatial_layer, temporal_layer } }

/// The highest layers that a receiver wishes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreferredLayers {
    /// The spatial layer; those that there are not count for the highest one.
    pub spatial_layer: u8,
    /// The temporal layer; the highest one when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal_layer: Option<u8>,
}

/// What is known of the spatial layers of a producer: a bit each, the lowest for the lowest layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Living {
    /// Layers that arrive, and well enough to be of use.
    pub healthy: u8,
    /// Layers that arrive, however badly.
    pub arriving: u8,
    /// Layers whose media can be put on the time line of what the consumer has sent so far.
    pub aligned: u8,
}

/// The choice of the layer that a consumer is to get. It knows neither packets nor streams.
///
/// That is the highest spatial layer that lives, is neither above the preferred nor above the
/// allowed one, and can be aligned; or cannot, if none of those is so low; if none at all is low
/// enough, the lowest that lives. So as long as any layer lives, one is chosen. Its temporal layer is
/// the preferred one, less where not so much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    highest: ConsumerLayers,
    preferred: ConsumerLayers,
    /// None when nothing is.
    allowed: Option<ConsumerLayers>,
    target: Option<ConsumerLayers>,
}

crate::snapshot::state! { struct Selection { highest, preferred, allowed, target } }

impl Selection {
    /// The choice among as many layers as `counts` says: all are preferred and allowed.
    pub fn new(counts: LayerCounts) -> Self {
        let highest = ConsumerLayers {
            spatial_layer: counts.spatial.clamp(1, 8) - 1,
            temporal_layer: counts.temporal.clamp(1, 8) - 1,
        };
        Self {
            highest,
            preferred: highest,
            allowed: Some(highest),
            target: None,
        }
    }

    /// Wishes for layers up to these.
    pub fn prefer(&mut self, layers: PreferredLayers) {
        let temporal = layers.temporal_layer.unwrap_or(u8::MAX);
        self.preferred = ConsumerLayers {
            spatial_layer: layers.spatial_layer.min(self.highest.spatial_layer),
            temporal_layer: temporal.min(self.highest.temporal_layer),
        };
    }

    /// Allows this layer and all that are lower: what there is bandwidth for. Without a word of it
    /// everything is allowed.
    pub fn allow(&mut self, layers: ConsumerLayers) {
        self.allowed = Some(layers.min(self.highest));
    }

    /// Allows nothing, not even the lowest layer.
    pub fn forbid(&mut self) {
        self.allowed = None;
    }

    /// The spatial layers, a bit each, that there is to choose among if enough is allowed: those up
    /// to the preferred one, or else the lowest that lives.
    pub fn candidates(&self, living: Living) -> u8 {
        let layers = usable(living).unwrap_or_default();
        let low_enough = layers & up_to(self.preferred.spatial_layer);
        match low_enough {
            0 => layers & layers.wrapping_neg(),
            some => some,
        }
    }

    /// What is allowed, none when nothing is.
    pub fn allowed(&self) -> Option<ConsumerLayers> {
        self.allowed
    }

    /// The layers wished for.
    pub fn preferred(&self) -> ConsumerLayers {
        self.preferred
    }

    /// The layer to get, none when none lives.
    pub fn target(&self) -> Option<ConsumerLayers> {
        self.target
    }

    /// Chooses among the layers that live; true when that changed the target.
    pub fn choose(&mut self, living: Living) -> bool {
        let chosen = |allowed| Some(self.with(self.spatial_layer(living, allowed)?, allowed));
        let target = self.allowed.and_then(chosen);
        std::mem::replace(&mut self.target, target) != target
    }

    fn spatial_layer(&self, living: Living, allowed: ConsumerLayers) -> Option<u8> {
        let layers = usable(living)?;
        let limit = self.preferred.spatial_layer.min(allowed.spatial_layer);
        Some(match layers & up_to(limit) {
            0 => layers.trailing_zeros() as u8,
            some => some.ilog2() as u8,
        })
    }

    fn with(&self, spatial_layer: u8, allowed: ConsumerLayers) -> ConsumerLayers {
        let allowed = match spatial_layer.cmp(&allowed.spatial_layer) {
            std::cmp::Ordering::Less => self.highest.temporal_layer,
            std::cmp::Ordering::Equal => allowed.temporal_layer,
            std::cmp::Ordering::Greater => 0,
        };
        ConsumerLayers {
            spatial_layer,
            temporal_layer: self.preferred.temporal_layer.min(allowed),
        }
    }
}

/// The spatial layers to choose among: rather one that arrives badly than none. One that has to be
/// aligned by guessing is rather taken than a higher one, which may be more than there is bandwidth for,
/// but none is above one that need not be.
fn usable(living: Living) -> Option<u8> {
    let Living {
        healthy,
        arriving,
        aligned,
    } = living;
    let layers = [healthy, arriving].into_iter().find(|&it| it != 0)?;
    let aligned = layers & aligned;
    let lowest = aligned & aligned.wrapping_neg();
    // Without any, all are below.
    Some(layers & (aligned | lowest.wrapping_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_by_three() -> Selection {
        Selection::new(LayerCounts {
            spatial: 3,
            temporal: 3,
        })
    }

    fn layers((spatial_layer, temporal_layer): (u8, u8)) -> ConsumerLayers {
        ConsumerLayers {
            spatial_layer,
            temporal_layer,
        }
    }

    const ALL: u8 = 0b111;
    const MAX: (u8, u8) = (2, 2);

    /// Rows: healthy, arriving, aligned; preferred and allowed; the target.
    type Row = ([u8; 3], (u8, u8), (u8, u8), Option<(u8, u8)>);

    fn check(rows: &[Row]) {
        for &([healthy, arriving, aligned], preferred, allowed, target) in rows {
            let mut selection = three_by_three();
            selection.prefer(PreferredLayers {
                spatial_layer: preferred.0,
                temporal_layer: Some(preferred.1),
            });
            selection.allow(layers(allowed));
            selection.choose(Living {
                healthy,
                arriving,
                aligned,
            });
            let row = format!("{healthy:b} {arriving:b} {aligned:b} {preferred:?} {allowed:?}");
            assert_eq!(selection.target(), target.map(layers), "{row}");
        }
    }

    #[test]
    fn the_highest_living_layer_up_to_the_preferred_one_is_chosen() {
        check(&[
            ([ALL, ALL, ALL], MAX, MAX, Some((2, 2))),
            ([ALL, ALL, ALL], (1, 2), MAX, Some((1, 2))),
            ([ALL, ALL, ALL], (1, 0), MAX, Some((1, 0))),
            ([0b101, ALL, ALL], (1, 2), MAX, Some((0, 2))),
            ([0b011, ALL, ALL], MAX, MAX, Some((1, 2))),
            ([0b011, ALL, ALL], (2, 1), MAX, Some((1, 1))),
        ]);
    }

    #[test]
    fn when_none_is_low_enough_the_lowest_living_one_is_chosen() {
        check(&[
            ([0b110, ALL, ALL], (0, 2), MAX, Some((1, 2))),
            ([0b100, ALL, ALL], (0, 1), MAX, Some((2, 1))),
            ([0b110, ALL, ALL], MAX, (0, 2), Some((1, 0))),
            ([0b100, ALL, ALL], MAX, (0, 0), Some((2, 0))),
        ]);
    }

    #[test]
    fn what_is_allowed_limits_both_layers() {
        check(&[
            ([ALL, ALL, ALL], MAX, (1, 1), Some((1, 1))),
            ([ALL, ALL, ALL], (2, 0), (1, 1), Some((1, 0))),
            // Of a lower spatial layer every rate is cheaper than what is allowed.
            ([0b001, ALL, ALL], MAX, (1, 0), Some((0, 2))),
            ([ALL, ALL, ALL], (0, 2), (1, 0), Some((0, 2))),
        ]);
    }

    #[test]
    fn a_layer_that_cannot_be_aligned_is_chosen_when_there_is_no_other() {
        check(&[
            ([ALL, ALL, 0b001], MAX, MAX, Some((0, 2))),
            ([0b100, 0b100, 0b001], MAX, MAX, Some((2, 2))),
            ([0b110, 0b111, 0b001], MAX, MAX, Some((2, 2))),
        ]);
    }

    #[test]
    fn a_lower_layer_that_cannot_be_aligned_is_chosen_rather_than_what_is_too_much() {
        check(&[
            ([ALL, ALL, 0b100], (1, 2), MAX, Some((1, 2))),
            ([ALL, ALL, 0b100], MAX, (0, 1), Some((0, 1))),
            ([0b110, ALL, 0b100], (0, 2), MAX, Some((1, 2))),
            ([0b101, ALL, 0b110], (1, 2), MAX, Some((0, 2))),
            // But no higher one, and none that arrives badly.
            ([ALL, ALL, 0b010], MAX, MAX, Some((1, 2))),
            ([0b100, ALL, 0b100], MAX, (1, 2), Some((2, 0))),
            ([0, 0b111, 0b100], (1, 2), MAX, Some((1, 2))),
        ]);
    }

    #[test]
    fn a_layer_that_arrives_badly_is_chosen_when_there_is_no_other() {
        check(&[
            ([0, 0b110, 0b010], MAX, MAX, Some((1, 2))),
            ([0, 0b110, 0], MAX, MAX, Some((2, 2))),
            ([0, 0, ALL], MAX, MAX, None),
        ]);
    }

    #[test]
    fn wishes_beyond_what_there_is_are_wishes_for_the_highest() {
        let mut selection = three_by_three();
        selection.prefer(PreferredLayers {
            spatial_layer: 7,
            temporal_layer: None,
        });
        assert_eq!(selection.preferred(), layers((2, 2)));
        selection.prefer(PreferredLayers {
            spatial_layer: 0,
            temporal_layer: Some(9),
        });
        assert_eq!(selection.preferred(), layers((0, 2)));
    }

    #[test]
    fn where_nothing_is_allowed_nothing_is_chosen() {
        let mut selection = three_by_three();
        let living = Living {
            healthy: ALL,
            arriving: ALL,
            aligned: ALL,
        };
        selection.forbid();
        assert!(!selection.choose(living) && selection.target().is_none());
        selection.allow(layers((0, 1)));
        assert!(selection.choose(living));
        assert_eq!(selection.target(), Some(layers((0, 1))));
    }

    #[test]
    fn candidates_are_all_that_more_bandwidth_could_bring() {
        // healthy, arriving, aligned, preferred, candidates
        let rows = [
            ([ALL, ALL, ALL], 2, ALL),
            ([ALL, ALL, ALL], 1, 0b011),
            ([0b110, ALL, ALL], 0, 0b010),
            ([0b101, ALL, 0b110], 2, 0b101),
            ([ALL, ALL, 0b010], 2, 0b011),
            ([ALL, ALL, 0b001], 2, 0b001),
            ([0, 0b110, 0], 2, 0b110),
            ([0, 0, ALL], 2, 0),
        ];
        for ([healthy, arriving, aligned], preferred, expected) in rows {
            let mut selection = three_by_three();
            selection.prefer(PreferredLayers {
                spatial_layer: preferred,
                temporal_layer: None,
            });
            let living = Living {
                healthy,
                arriving,
                aligned,
            };
            assert_eq!(selection.candidates(living), expected, "{living:?}");
        }
    }

    #[test]
    fn a_choice_that_is_the_same_is_no_change() {
        let mut selection = three_by_three();
        let living = Living {
            healthy: ALL,
            arriving: ALL,
            aligned: ALL,
        };
        assert!(selection.choose(living) && !selection.choose(living));
        assert!(selection.choose(Living::default()) && !selection.choose(Living::default()));
    }
}
