//! How many bits a second a stream brings, layer by layer.

use std::time::Duration;

use crate::media::rate::Rate;
use crate::tick::time::Time;

/// How many layers a stream was declared with, of each sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerCounts {
    /// Spatial layers, at least 1.
    pub spatial: u8,
    /// Temporal layers, at least 1.
    pub temporal: u8,
}

crate::snapshot::state! { struct LayerCounts { spatial, temporal } }

impl LayerCounts {
    /// One layer.
    pub const ONE: Self = Self {
        spatial: 1,
        temporal: 1,
    };

    /// What packets can tell apart: no descriptor has more than three bits for a layer (RFC 9628
    /// section 4.2), whatever was declared.
    pub(crate) const MAX: u8 = 8;

    fn telling(self) -> Self {
        Self {
            spatial: self.spatial.clamp(1, Self::MAX),
            temporal: self.temporal.clamp(1, Self::MAX),
        }
    }
}

/// The bitrate of a stream, apart for each of its layers. A stream with one has one rate, and no
/// more memory than that.
#[derive(Clone, Debug)]
pub struct LayerRates(Layers);

crate::snapshot::state! { struct LayerRates(it) }

#[derive(Clone, Debug)]
enum Layers {
    Single(Rate),
    Several(Box<Grid>),
}

crate::snapshot::state! { enum Layers { Single(it), Several(it) } }

#[derive(Clone, Debug)]
struct Grid {
    counts: LayerCounts,
    /// All temporal layers of spatial layer 0, then those of 1, and so on.
    rates: Box<[Rate]>,
}

crate::snapshot::state! { struct Grid { counts, rates } }

/// The bitrate of a layer with all those it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerRate {
    /// Its spatial layer.
    pub spatial: u8,
    /// Its temporal layer.
    pub temporal: u8,
    /// Bits a second of it and the layers below, 0 when it is silent itself.
    pub bits_per_second: u64,
    /// It began a moment ago: what it brings is not known yet.
    pub is_young: bool,
}

impl LayerRates {
    /// The window of the rates.
    pub const WINDOW: Duration = Duration::from_millis(2_500);
    /// The window when silence is not transmitted (DTX): packets come seconds apart then.
    pub const WINDOW_WITH_DTX: Duration = Duration::from_secs(6);

    /// The rates of a stream with these layers.
    pub fn new(counts: LayerCounts, dtx: bool) -> Self {
        let window = match dtx {
            true => Self::WINDOW_WITH_DTX,
            false => Self::WINDOW,
        };
        let rate = || Rate::new(window.as_millis() as u64);
        let counts = counts.telling();
        Self(match counts {
            LayerCounts::ONE => Layers::Single(rate()),
            counts => {
                let layers = usize::from(counts.spatial) * usize::from(counts.temporal);
                let rates = std::iter::repeat_with(rate).take(layers).collect();
                Layers::Several(Box::new(Grid { counts, rates }))
            }
        })
    }

    /// Adds `bytes` of a layer that passed at `now`. Layers above those declared count for the
    /// highest one.
    pub fn add(&mut self, spatial: u8, temporal: u8, bytes: u64, now: Time) {
        match &mut self.0 {
            Layers::Single(rate) => rate.add(bytes, now),
            Layers::Several(grid) => grid.rate_mut(spatial, temporal).add(bytes, now),
        }
    }

    /// Bits a second of all layers.
    pub fn bits_per_second(&mut self, now: Time) -> u64 {
        match &mut self.0 {
            Layers::Single(rate) => rate.bits_per_second(now),
            Layers::Several(grid) => sum(&mut grid.rates, now),
        }
    }

    /// Bits a second up to each layer, lowest first; none for a stream with one.
    pub fn by_layer(&mut self, now: Time) -> Vec<LayerRate> {
        match &mut self.0 {
            Layers::Single(_) => Vec::new(),
            Layers::Several(grid) => grid.by_layer(now),
        }
    }

    /// Tells the bits a second up to each layer, lowest first, as far as they are known of a young
    /// stream. Where spatial layers stand `alone`, as those of K-SVC do but in key pictures, those
    /// below are not counted.
    pub fn each_recent(&mut self, now: Time, alone: bool, mut tell: impl FnMut(LayerRate)) {
        let told = |spatial, temporal, bits_per_second, is_young| LayerRate {
            spatial,
            temporal,
            bits_per_second,
            is_young,
        };
        match &mut self.0 {
            Layers::Single(rate) => {
                let bits_per_second = rate.recent_bits_per_second(now);
                tell(told(0, 0, bits_per_second, rate.is_young(now)));
            }
            Layers::Several(grid) => {
                let mut below = 0;
                for (spatial, row) in grid.rows() {
                    if alone {
                        below = 0;
                    }
                    for (temporal, rate) in (0..).zip(row) {
                        let own = rate.recent_bits_per_second(now);
                        below += own;
                        let bits_per_second = if own == 0 { 0 } else { below };
                        tell(told(spatial, temporal, bits_per_second, rate.is_young(now)));
                    }
                }
            }
        }
    }

    /// Which spatial layers bring anything: bit 0 is the lowest one.
    pub fn active_spatial_layers(&mut self, now: Time) -> u8 {
        match &mut self.0 {
            Layers::Single(rate) => (rate.bits_per_second(now) > 0).into(),
            Layers::Several(grid) => grid.active_spatial_layers(now),
        }
    }
}

impl Default for LayerRates {
    fn default() -> Self {
        Self::new(LayerCounts::ONE, false)
    }
}

impl Grid {
    fn rate_mut(&mut self, spatial: u8, temporal: u8) -> &mut Rate {
        let LayerCounts {
            spatial: rows,
            temporal: columns,
        } = self.counts;
        let (row, column) = (spatial.min(rows - 1), temporal.min(columns - 1));
        &mut self.rates[usize::from(row) * usize::from(columns) + usize::from(column)]
    }

    fn rows(&mut self) -> impl Iterator<Item = (u8, &mut [Rate])> {
        let columns = usize::from(self.counts.temporal);
        (0..).zip(self.rates.chunks_mut(columns))
    }

    fn by_layer(&mut self, now: Time) -> Vec<LayerRate> {
        let mut rates = Vec::new();
        let mut below = 0;
        for (spatial, row) in self.rows() {
            for (temporal, rate) in (0..).zip(row) {
                let own = rate.bits_per_second(now);
                below += own;
                let bits_per_second = if own == 0 { 0 } else { below };
                rates.push(LayerRate {
                    spatial,
                    temporal,
                    bits_per_second,
                    is_young: rate.is_young(now),
                });
            }
        }
        rates
    }

    fn active_spatial_layers(&mut self, now: Time) -> u8 {
        self.rows().fold(0, |active, (spatial, row)| {
            active | u8::from(sum(row, now) > 0) << spatial
        })
    }
}

fn sum(rates: &mut [Rate], now: Time) -> u64 {
    rates.iter_mut().map(|rate| rate.bits_per_second(now)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(spatial: u8, temporal: u8) -> LayerRates {
        LayerRates::new(LayerCounts { spatial, temporal }, false)
    }

    fn told(rates: &mut LayerRates, now: Time) -> Vec<(u8, u8, u64)> {
        let layers = rates.by_layer(now).into_iter();
        layers
            .map(|layer| (layer.spatial, layer.temporal, layer.bits_per_second))
            .collect()
    }

    #[test]
    fn a_layer_counts_with_all_below_it_unless_it_is_silent() {
        let mut rates = rates(2, 2);
        // 625 bytes in 2.5 s are 2,000 bits a second.
        for (spatial, temporal, times) in [(0, 0, 1), (0, 1, 2), (1, 1, 4)] {
            rates.add(spatial, temporal, 625 * times, Time::ZERO);
        }
        let expected = [(0, 0, 2_000), (0, 1, 6_000), (1, 0, 0), (1, 1, 14_000)];
        assert_eq!(told(&mut rates, Time::ZERO), expected);
        assert_eq!(rates.bits_per_second(Time::ZERO), 14_000);
        assert_eq!(rates.active_spatial_layers(Time::ZERO), 0b11);
        let later = Time::ZERO + LayerRates::WINDOW;
        rates.add(1, 0, 625, later);
        let expected = [(0, 0, 0), (0, 1, 0), (1, 0, 2_000), (1, 1, 0)];
        assert_eq!(told(&mut rates, later), expected);
        assert_eq!(rates.active_spatial_layers(later), 0b10);
    }

    #[test]
    fn layers_that_stand_alone_count_without_those_below() {
        let mut rates = rates(2, 2);
        for (spatial, temporal, times) in [(0, 0, 1), (0, 1, 2), (1, 0, 4), (1, 1, 8)] {
            rates.add(spatial, temporal, 625 * times, Time::ZERO);
        }
        let mut told = |alone| {
            let mut all = Vec::new();
            let now = Time::from_millis(2_499);
            rates.each_recent(now, alone, |layer| all.push(layer.bits_per_second / 2_000));
            all
        };
        assert_eq!(told(false), [1, 3, 7, 15]);
        assert_eq!(told(true), [1, 3, 4, 12]);
    }

    #[test]
    fn layers_above_the_declared_count_for_the_highest() {
        let mut rates = rates(2, 1);
        rates.add(7, 7, 625, Time::ZERO);
        let expected = [(0, 0, 0), (1, 0, 2_000)];
        assert_eq!(told(&mut rates, Time::ZERO), expected);
    }

    #[test]
    fn a_single_layer_is_told_by_its_total_and_takes_no_more_memory() {
        let mut rates = rates(1, 1);
        rates.add(3, 3, 625, Time::ZERO);
        assert_eq!(told(&mut rates, Time::ZERO), []);
        assert_eq!(rates.bits_per_second(Time::ZERO), 2_000);
        assert_eq!(size_of::<LayerRates>(), size_of::<Rate>());
    }

    #[test]
    fn more_layers_than_packets_can_tell_take_no_memory() {
        let mut rates = rates(99, 99);
        assert_eq!(told(&mut rates, Time::ZERO).len(), 64);
    }

    #[test]
    fn with_dtx_the_window_is_six_seconds() {
        let mut rates = LayerRates::new(LayerCounts::ONE, true);
        rates.add(0, 0, 750, Time::ZERO);
        assert_eq!(rates.bits_per_second(Time::from_millis(5_999)), 1_000);
        assert_eq!(rates.bits_per_second(Time::from_millis(6_000)), 0);
    }
}
