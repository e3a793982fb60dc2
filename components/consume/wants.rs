//! Which layers of a producer anybody wants.

use std::time::Duration;

use bevy_ecs::component::Component;
use bevy_ecs::entity::{Entity, EntityHashSet};
use serde::Serialize;

use crate::consume::layering::ConsumerLayers;
use crate::media::layer_rates::LayerCounts;
use crate::tick::time::Time;

/// The highest temporal layer that is wanted of each spatial layer, of simulcast of each encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants([Option<u8>; 8]);

crate::snapshot::state! { struct Wants(it) }

/// A spatial layer that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedLayer {
    /// The position of its encoding.
    pub encoding_idx: u8,
    /// The spatial layer within that.
    pub spatial_layer: u8,
    /// The highest temporal layer that is wanted.
    pub temporal_layer: u8,
}

/// On each producer: what its owner believes to be wanted. Written between ticks and by Score.
#[derive(Component, Clone, Copy, Debug)]
pub struct Wanted {
    told: Wants,
    /// Of each spatial layer, what less is wanted.
    less: [Option<Less>; 8],
    armed: Option<Time>,
}

crate::snapshot::state! { struct Wanted { told, less, armed } }

/// Less is wanted of a spatial layer than its owner believes.
#[derive(Clone, Copy, Debug)]
struct Less {
    since: Time,
    /// The most that was wanted since.
    most: Option<u8>,
}

crate::snapshot::state! { struct Less { since, most } }

/// Producers of which others may want something else. Written between ticks, emptied by Score.
#[derive(Debug, Default)]
pub struct WantsChanging {
    order: Vec<Entity>,
    known: EntityHashSet,
}

crate::snapshot::state! { struct WantsChanging { order, known } }

impl Wants {
    /// As many layers as `counts` says.
    pub fn all(counts: LayerCounts) -> Self {
        let mut wants = Self::default();
        wants.want(ConsumerLayers {
            spatial_layer: counts.spatial.max(1) - 1,
            temporal_layer: counts.temporal.max(1) - 1,
        });
        wants
    }

    /// Adds what one consumer wants: a layer and all below it, as less may have to do.
    pub fn want(&mut self, layers: ConsumerLayers) {
        let spatial = usize::from(layers.spatial_layer);
        for wanted in self.0.iter_mut().take(spatial + 1) {
            *wanted = (*wanted).max(Some(layers.temporal_layer));
        }
    }

    /// The layers, lowest first, of a producer whose encodings are spatial layers or not.
    pub fn layers(self, is_simulcast: bool) -> impl Iterator<Item = WantedLayer> {
        (0..).zip(self.0).filter_map(move |(index, temporal)| {
            let (encoding_idx, spatial_layer) = if is_simulcast { (index, 0) } else { (0, index) };
            Some(WantedLayer {
                encoding_idx,
                spatial_layer,
                temporal_layer: temporal?,
            })
        })
    }
}

impl Wanted {
    /// The owner of a new producer sends all it has.
    pub fn new(all: Wants) -> Self {
        Self {
            told: all,
            less: [None; 8],
            armed: None,
        }
    }

    /// Takes in what is wanted at `now`: more is told at once, less when that has lasted for
    /// `delay`, of each spatial layer by itself: one who pauses for a moment takes nothing from those
    /// who were not told of the others yet. True when something is to be told.
    pub fn update(&mut self, wants: Wants, delay: Duration, now: Time) -> bool {
        let before = self.told;
        let layers = self.told.0.iter_mut().zip(&mut self.less);
        for ((told, less), wanted) in layers.zip(wants.0) {
            if wanted >= *told {
                (*told, *less) = (wanted, None);
                continue;
            }
            let lasting = less.get_or_insert(Less {
                since: now,
                most: None,
            });
            lasting.most = lasting.most.max(wanted);
            if now - lasting.since >= delay {
                *told = lasting.most;
                *less = (wanted < *told).then_some(Less {
                    since: now,
                    most: wanted,
                });
            }
        }
        self.told != before
    }

    /// What its owner was told.
    pub fn told(&self) -> Wants {
        self.told
    }

    /// When it must be looked at again, unless a deadline is set for then.
    pub fn arm(&mut self, delay: Duration) -> Option<Time> {
        let since = self.less.iter().flatten().map(|less| less.since).min();
        let due = since.map(|since| since + delay);
        let is_new = due != self.armed;
        self.armed = due;
        due.filter(|_| is_new)
    }
}

impl WantsChanging {
    /// Adds a producer.
    pub fn add(&mut self, producer: Entity) {
        if self.known.insert(producer) {
            self.order.push(producer);
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Takes all of them out, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Entity> {
        self.known.clear();
        self.order.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(5);

    fn wants(of: &[(u8, u8)]) -> Wants {
        let mut wants = Wants::default();
        for &(spatial_layer, temporal_layer) in of {
            wants.want(ConsumerLayers {
                spatial_layer,
                temporal_layer,
            });
        }
        wants
    }

    fn told(wants: Wants) -> Vec<(u8, u8)> {
        let layers = wants.layers(true);
        layers
            .map(|layer| (layer.encoding_idx, layer.temporal_layer))
            .collect()
    }

    #[test]
    fn who_wants_a_layer_wants_those_below_it() {
        assert_eq!(told(wants(&[(1, 2)])), [(0, 2), (1, 2)]);
        assert_eq!(told(wants(&[(2, 0), (0, 2)])), [(0, 2), (1, 0), (2, 0)]);
        assert_eq!(told(Wants::default()), []);
        let counts = LayerCounts {
            spatial: 2,
            temporal: 3,
        };
        let layers: Vec<_> = Wants::all(counts).layers(false).collect();
        let layer = |spatial_layer| WantedLayer {
            encoding_idx: 0,
            spatial_layer,
            temporal_layer: 2,
        };
        assert_eq!(layers, [layer(0), layer(1)]);
    }

    #[test]
    fn more_is_told_at_once_and_less_once_it_has_lasted() {
        let (all, some, none) = (wants(&[(2, 2)]), wants(&[(1, 2)]), Wants::default());
        let mut wanted = Wanted::new(all);
        // Seconds, what is wanted, whether that is told, what was told then.
        let rows = [
            (0, all, false, all),
            (1, some, false, all),
            (5, none, false, all),
            (6, some, true, some),
            (7, none, false, some),
            (11, some, false, some),
            // It was wanted again meanwhile.
            (12, none, false, some),
            (16, none, false, some),
            (17, none, true, none),
            (18, all, true, all),
        ];
        for (second, wants, is_told, then) in rows {
            let now = Time::from_secs(second);
            assert_eq!(wanted.update(wants, DELAY, now), is_told, "at {second} s");
            assert_eq!(wanted.told(), then, "at {second} s");
        }
    }

    #[test]
    fn each_layer_is_told_once_it_was_unwanted_for_long_enough_itself() {
        let (all, some, none) = (wants(&[(2, 2)]), wants(&[(1, 2)]), Wants::default());
        let slow = wants(&[(2, 1)]);
        let mut wanted = Wanted::new(all);
        // Milliseconds, what is wanted, what was told then.
        let rows = [
            (1_000, some, all),
            (5_900, none, all),
            (6_000, none, some),
            (6_100, all, all),
            // Of a temporal layer, too: the most that was wanted meanwhile.
            (7_000, slow, all),
            (11_000, none, all),
            (12_000, none, slow),
            (16_999, none, slow),
            (17_000, none, none),
        ];
        for (millis, wants, then) in rows {
            wanted.update(wants, DELAY, Time::from_millis(millis));
            assert_eq!(wanted.told(), then, "at {millis} ms");
        }
    }

    #[test]
    fn one_deadline_is_set_for_less() {
        let mut wanted = Wanted::new(wants(&[(2, 2)]));
        assert_eq!(wanted.arm(DELAY), None);
        wanted.update(Wants::default(), DELAY, Time::from_secs(1));
        assert_eq!(wanted.arm(DELAY), Some(Time::from_secs(6)));
        wanted.update(Wants::default(), DELAY, Time::from_secs(2));
        assert_eq!(wanted.arm(DELAY), None);
    }
}
