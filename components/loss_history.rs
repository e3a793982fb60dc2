//! How much was lost lately.

/// The share of packets lost, as a mean of the last 24 shares in which the newest weighs most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossHistory {
    shares: [f64; LEN],
    len: usize,
    next: usize,
}

/// Shares that are remembered.
const LEN: usize = 24;

impl LossHistory {
    /// Takes in that `lost` of `expected` packets were lost.
    pub fn push(&mut self, lost: u32, expected: u32) {
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

    #[test]
    fn the_newest_share_weighs_most() {
        let mut loss = LossHistory::default();
        assert_eq!(loss.mean(), None);
        loss.push(0, 0);
        assert_eq!(loss.mean(), None, "nothing was expected");
        loss.push(1, 2);
        assert_eq!(loss.mean(), Some(0.5));
        // (1 x 0.5 + 2 x 0) / 3
        loss.push(0, 10);
        assert_eq!(loss.mean(), Some(0.5 / 3.0));
    }

    #[test]
    fn what_is_older_than_24_is_forgotten() {
        let mut loss = LossHistory::default();
        loss.push(10, 10);
        for _ in 0..23 {
            loss.push(0, 10);
        }
        // 1 / (1 + 2 + ... + 24)
        assert_eq!(loss.mean(), Some(1.0 / 300.0));
        loss.push(0, 10);
        assert_eq!(loss.mean(), Some(0.0));
        loss.push(20, 10);
        assert_eq!(loss.mean(), Some(24.0 / 300.0), "no more than all");
    }
}
