//! How much longer each group of packets is on its way, without the noise.

use crate::feedback::congestion::packet_groups::Delta;

/// The Kalman filter of draft-ietf-rmcat-gcc-02 section 5.3.
///
/// Its estimate is scaled by the number of groups seen, up to [`SCALE_MAX`]: the draft's thresholds
/// (6 to 600 ms) are of that scale, and an offset of one group's alone would have to be a queue
/// that grows by them every group.
#[derive(Clone, Copy, Debug)]
pub(super) struct OffsetFilter {
    /// m_hat, in milliseconds.
    offset: f64,
    /// e: the variance of its error.
    error: f64,
    /// var_v_hat: the variance of the noise, in square milliseconds.
    noise: f64,
    /// Milliseconds between the newest groups, as they were sent.
    intervals: [f64; INTERVALS],
    groups: u32,
}

crate::snapshot::state! { struct OffsetFilter { offset, error, noise, intervals, groups } }

/// q: how much the true offset is believed to move between groups.
const STATE_NOISE: f64 = 1e-3;
/// K: how many groups the highest rate of groups is taken from.
const INTERVALS: usize = 5;
/// -ln(1 - chi), where chi = 0.01 (of 0.001 to 0.1) is how fast the variance of the noise adapts.
const DECAY: f64 = 0.010_050_335_853_501_44;
const NOISE_AT_FIRST: f64 = 50.0;
/// Groups of which an offset may still be noise.
const SCALE_MAX: u32 = 60;

impl Default for OffsetFilter {
    fn default() -> Self {
        Self {
            offset: 0.0,
            error: 0.1,
            noise: NOISE_AT_FIRST,
            intervals: [f64::MAX; INTERVALS],
            groups: 0,
        }
    }
}

impl OffsetFilter {
    /// Takes in a group; returns the offset in milliseconds over the groups seen.
    pub(super) fn update(&mut self, delta: Delta) -> f64 {
        self.intervals[self.groups as usize % INTERVALS] = delta.sent_ms;
        self.groups = self.groups.wrapping_add(1);
        let residual = delta.arrived_ms - delta.sent_ms - self.offset;
        // What is far out is not noise; it counts as three standard deviations.
        let border = 3.0 * self.noise.sqrt();
        let residual = residual.clamp(-border, border);
        let alpha = self.memory();
        self.noise = (alpha * self.noise + (1.0 - alpha) * residual * residual).max(1.0);
        let error = self.error + STATE_NOISE;
        let gain = error / (self.noise + error);
        self.offset += residual * gain;
        self.error = (1.0 - gain) * error;
        self.offset * f64::from(self.groups.min(SCALE_MAX))
    }

    /// alpha: (1 - chi)^(30 / (1000 f_max)), of which the exponent is 1 at 30 groups a second.
    fn memory(&self) -> f64 {
        let shortest = self.intervals.iter().copied().fold(f64::MAX, f64::min);
        exp_of_minus(DECAY * shortest.clamp(0.0, INTERVAL_MAX_MS) * 30.0 / 1_000.0)
    }
}

/// Longer intervals count as this: the power below is exact to one part in a million there.
const INTERVAL_MAX_MS: f64 = 250.0;

/// e^-x for x from 0 to 0.08: four terms of its series, wrong by less than x^4 / 24.
fn exp_of_minus(x: f64) -> f64 {
    1.0 - x * (1.0 - x / 2.0 * (1.0 - x / 3.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(sent_ms: f64, arrived_ms: f64) -> Delta {
        Delta {
            sent_ms,
            arrived_ms,
        }
    }

    #[test]
    fn the_first_groups_are_those_of_a_calculator() {
        let mut filter = OffsetFilter::default();
        // alpha = 0.99^0.6 = 0.993988; residual 10; noise = 0.993988 x 50 + 0.006012 x 100 =
        // 50.3006; gain = 0.101 / 50.4016 = 0.00200391.
        let scaled = filter.update(group(20.0, 30.0));
        assert!((scaled - 0.020_039_1).abs() < 1e-6, "{scaled}");
        // residual 9.979961; noise = 50.5967; error = 0.1007976 + 0.001; gain = 0.00200790.
        let scaled = filter.update(group(20.0, 30.0));
        assert!((scaled - 2.0 * 0.040_077_8).abs() < 1e-5, "{scaled}");
    }

    #[test]
    fn an_offset_that_lasts_is_found_and_noise_is_not() {
        let mut filter = OffsetFilter::default();
        for index in 0..1_000 {
            let noise = if index % 2 == 0 { 3.0 } else { -3.0 };
            filter.update(group(20.0, 20.0 + noise));
        }
        assert!(filter.offset.abs() < 0.2, "{}", filter.offset);
        for _ in 0..500 {
            filter.update(group(20.0, 22.0));
        }
        assert!((filter.offset - 2.0).abs() < 0.1, "{}", filter.offset);
    }

    #[test]
    fn what_is_far_out_counts_as_three_deviations() {
        let mut one = OffsetFilter::default();
        let mut other = OffsetFilter::default();
        let border = 3.0 * NOISE_AT_FIRST.sqrt();
        one.update(group(20.0, 20.0 + border));
        other.update(group(20.0, 20_000.0));
        assert!((one.offset - other.offset).abs() < 1e-9);
    }

    #[test]
    fn the_series_is_close_enough() {
        // e^-0.05 and e^-0.075
        assert!((exp_of_minus(0.05) - 0.951_229_424_5).abs() < 3e-7);
        assert!((exp_of_minus(0.075) - 0.927_743_486_3).abs() < 2e-6);
        assert!((0.99 - exp_of_minus(DECAY)).abs() < 1e-9);
    }
}
