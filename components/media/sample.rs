//! The score of a stream, from samples of its loss and repair.

use bevy_ecs::component::Component;

/// What happened to a stream between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Packets that a lossless network would have delivered.
    pub expected: u32,
    /// Packets that came, retransmissions not counted.
    pub received: u32,
    /// Missing packets that a retransmission brought.
    pub repaired: u32,
    /// Retransmissions that came, useful or not.
    pub retransmitted: u32,
    /// Retransmissions have a stream of their own (RFC 4588), so that what they repair is known
    /// from what was lost.
    pub separate: bool,
}

impl Sample {
    /// The score of the sample, 0 to 10: the fourth power of the share that was delivered, where
    /// what was repaired counts as delivered in part.
    pub fn score(self) -> u8 {
        if self.expected == 0 {
            return 10;
        }
        if self.received == 0 {
            return 0;
        }
        let mut lost = self
            .expected
            .saturating_sub(self.received)
            .min(self.received);
        let mut repaired = self.repaired;
        if repaired > lost {
            match self.separate {
                true => repaired = lost,
                false => lost = repaired,
            }
        }
        let weight = repair_weight(repaired, self.retransmitted, self.received);
        // Truncated, and never below zero, as repaired * weight <= lost.
        lost = (lost as f32 - repaired as f32 * weight) as u32;
        let delivered = self.received.saturating_sub(lost) as f32 / self.received as f32;
        (fourth_power(delivered) * 10.0).round() as u8
    }
}

/// How much of a repaired packet counts as delivered: less the more had to be repaired, and the
/// more retransmissions were wasted.
fn repair_weight(repaired: u32, retransmitted: u32, of: u32) -> f32 {
    let ratio = repaired as f32 / of as f32;
    let weight = fourth_power(1.0 / (ratio + 1.0));
    if retransmitted > 0 {
        weight * (repaired as f32 / retransmitted as f32)
    } else {
        weight
    }
}

/// Multiplications are the same on every machine; `powf` is not.
fn fourth_power(x: f32) -> f32 {
    let square = x * x;
    square * square
}

/// The last samples of a stream, of which newer ones weigh more.
#[derive(Component, Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    samples: std::collections::VecDeque<u8>,
}

crate::snapshot::state! { struct Histogram { samples } }

/// How many samples count.
const SAMPLES: usize = 24;

impl Histogram {
    /// Adds a sample and returns the score: the mean in which the oldest sample weighs 1, the next
    /// one 2, and so on.
    pub fn add(&mut self, sample: u8) -> u8 {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        let weighted = (1u32..)
            .zip(&self.samples)
            .map(|(weight, &sample)| weight * u32::from(sample));
        let total: u32 = weighted.sum();
        let count = self.samples.len() as u32;
        let weights = count * (count + 1) / 2;
        // Rounded half up, in integers.
        ((2 * total + weights) / (2 * weights)) as u8
    }

    /// Forgets all samples.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(expected: u32, received: u32) -> Sample {
        Sample {
            expected,
            received,
            ..Sample::default()
        }
    }

    fn repaired(sample: Sample, repaired: u32, retransmitted: u32) -> Sample {
        Sample {
            repaired,
            retransmitted,
            separate: true,
            ..sample
        }
    }

    #[test]
    fn samples_without_repair_follow_the_fourth_power() {
        // (80 / 90)^4 * 10 = 6.24; (95 - 5)^4 / 95^4 * 10 = 8.06; 99: (98 / 99)^4 * 10 = 9.6.
        let rows = [
            (100, 100, 10),
            (100, 99, 10),
            (100, 95, 8),
            (100, 90, 6),
            (100, 50, 0),
        ];
        for (expected, got, score) in rows {
            assert_eq!(
                received(expected, got).score(),
                score,
                "{got} of {expected}"
            );
        }
        assert_eq!(received(0, 0).score(), 10, "nothing was expected");
        assert_eq!(received(100, 0).score(), 0, "nothing came");
        assert_eq!(received(90, 100).score(), 10, "more came than was expected");
    }

    #[test]
    fn repaired_loss_counts_in_part() {
        // 10 of 90 repaired: w = (1 / (1 / 9 + 1))^4 = 0.9^4 = 0.6561; lost 10 - 6.561 = 3;
        // (87 / 90)^4 * 10 = 8.73.
        assert_eq!(repaired(received(100, 90), 10, 10).score(), 9);
        // Half of 20 retransmissions useless: w = 0.32805; lost 6; (84 / 90)^4 * 10 = 7.59.
        assert_eq!(repaired(received(100, 90), 10, 20).score(), 8);
        // More repaired than lost: the same as all of it.
        assert_eq!(
            repaired(received(100, 90), 15, 15).score(),
            8,
            "w also falls by 10 / 15"
        );
    }

    #[test]
    fn without_a_stream_of_their_own_retransmissions_raise_the_loss() {
        // They are in `received`: lost 0 becomes 10 repaired; ratio 0.1, w = (1 / 1.1)^4 = 0.683;
        // lost 10 - 6.83 = 3; (97 / 100)^4 * 10 = 8.85.
        let sample = Sample {
            repaired: 10,
            retransmitted: 10,
            ..received(100, 100)
        };
        assert_eq!(sample.score(), 9);
    }

    #[test]
    fn newer_samples_weigh_more_and_old_ones_are_forgotten() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.add(10), 10);
        assert_eq!(histogram.add(0), 3, "10 / 3");
        assert_eq!(histogram.add(10), 7, "(10 + 0 + 30) / 6 = 6.67");
        for _ in 0..SAMPLES {
            histogram.add(5);
        }
        assert_eq!(histogram.add(5), 5);
    }
}
