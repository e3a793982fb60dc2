//! How much of a path is spent on what is sent again.

use std::time::Duration;

use crate::tick::time::Time;

/// What may be sent again through a transport whose path is estimated: a share of the estimate. On a
/// path that loses what is too much, everything is asked for again, and that is lost as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeatBudget {
    /// Bits in parts of 1 / 10^9; below zero they are owed. None where there is no bound.
    credit: Option<i128>,
    updated_at: Time,
}

crate::snapshot::state! { struct RepeatBudget { credit, updated_at } }

/// Parts of a bit.
const PARTS: i128 = 1_000_000_000;
/// A burst of loss may take what is earned in this time.
const BURST: Duration = Duration::from_millis(500);

impl RepeatBudget {
    /// Lets credit grow until `now` by `rate` bits a second; there is no bound before.
    pub fn accrue(&mut self, rate: u64, now: Time) {
        let earned = |span: Duration| i128::from(rate) * span.as_nanos() as i128;
        let most = earned(BURST);
        let credit = self.credit.unwrap_or(most) + earned(now - self.updated_at);
        (self.credit, self.updated_at) = (Some(credit.min(most)), now);
    }

    /// A packet may be sent again.
    pub fn allows(&self) -> bool {
        self.credit.is_none_or(|credit| credit > 0)
    }

    /// One of `bytes` is.
    pub fn spend(&mut self, bytes: u32) {
        if let Some(credit) = &mut self.credit {
            *credit -= i128::from(bytes) * 8 * PARTS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_its_share_of_the_path_are_sent_again() {
        let mut budget = RepeatBudget::default();
        // Packets of 1,000 bytes that may be sent again at once, where 80 kbit/s may be.
        let mut sent_at = |ms: u64| {
            budget.accrue(80_000, Time::from_millis(ms));
            let mut count = 0;
            while budget.allows() && count < 100 {
                budget.spend(1_000);
                count += 1;
            }
            count
        };
        let counts = [1_000, 1_050, 1_100, 1_150, 9_000].map(&mut sent_at);
        assert_eq!(counts, [5, 1, 0, 1, 5]);
    }

    #[test]
    fn where_nothing_is_known_of_the_path_there_is_no_bound() {
        let mut budget = RepeatBudget::default();
        budget.spend(1_000_000);
        assert!(budget.allows());
    }
}
