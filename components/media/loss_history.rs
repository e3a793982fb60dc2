//! How much was lost lately.

/// The share of packets lost, as a mean of the last 24 shares in which the newest weighs most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossHistory {
    shares: [f64; LEN],
    len: usize,
    next: usize,
}

crate::snapshot::state! { struct LossHistory { shares, len, next } }

/// How many packets there were, and how many of them were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that were sent.
    pub expected: u32,
    /// Those of them that did not arrive.
    pub lost: u32,
}

/// Shares that are remembered.
const LEN: usize = 24;

impl LossHistory {
    /// Takes in what was lost of the packets since the last time.
    pub fn push(&mut self, Tally { expected, lost }: Tally) {
        if expected == 0 {
            return;
        }
        self.shares[self.next] = f64::from(lost.min(expected)) / f64::from(expected);
        self.next = (self.next + 1) % LEN;
        self.len = LEN.min(self.len + 1);
    }

    /// The mean, 0 to 1: the oldest share weighs 1, the next one 2 ... `None` before the first one.
    pub fn mean(&self) -> Option<f64> {
        if self.len == 0 {
            return None;
        }
        let oldest = (self.next + LEN - self.len) % LEN;
        let (mut sum, mut weights) = (0.0, 0.0);
        for age in 0..self.len {
            let weight = (age + 1) as f64;
            sum += weight * self.shares[(oldest + age) % LEN];
            weights += weight;
        }
        Some(sum / weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(loss: &mut LossHistory, lost: u32, expected: u32) {
        loss.push(Tally { expected, lost });
    }

    #[test]
    fn the_newest_share_weighs_most() {
        let mut loss = LossHistory::default();
        assert_eq!(loss.mean(), None);
        push(&mut loss, 0, 0);
        assert_eq!(loss.mean(), None, "nothing was expected");
        push(&mut loss, 1, 2);
        assert_eq!(loss.mean(), Some(0.5));
        // (1 x 0.5 + 2 x 0) / 3
        push(&mut loss, 0, 10);
        assert_eq!(loss.mean(), Some(0.5 / 3.0));
    }

    #[test]
    fn what_is_older_than_24_is_forgotten() {
        let mut loss = LossHistory::default();
        push(&mut loss, 10, 10);
        for _ in 0..23 {
            push(&mut loss, 0, 10);
        }
        // 1 / (1 + 2 + ... + 24)
        assert_eq!(loss.mean(), Some(1.0 / 300.0));
        push(&mut loss, 0, 10);
        assert_eq!(loss.mean(), Some(0.0));
        push(&mut loss, 20, 10);
        assert_eq!(loss.mean(), Some(24.0 / 300.0), "no more than all");
    }
}
