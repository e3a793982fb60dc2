//! How much more is given of a path at a time.

use crate::consume::allocation::{Bid, Budget, Lowest, Rung, share};
use crate::consume::allotment::Given;

/// How much more is given at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// As much as there is room for.
    Any,
    /// Up to so many bits a second in all, or else a rung of one consumer.
    UpTo(u64),
    /// No more than before.
    Nothing,
}

/// Shares a `budget`, but gives no more at a time than a `step`: what comes of that is seen before
/// there is another one.
pub fn share_in_step(fixed: u64, budget: Budget, step: Step, bids: &mut [Bid], rungs: &[Rung]) {
    // Who has nothing does not wait for steps, nor who comes to where nobody gets anything without room.
    let waits_for = |bid: &Bid| match bid.given {
        Given::Nothing => true,
        Given::Undecided => budget.lowest == Lowest::Nobody,
        Given::Layers(_) => false,
    };
    let step = match bids.iter().any(waits_for) {
        true => Step::Any,
        false => step,
    };
    let raise = match step {
        Step::Any => budget.raise,
        Step::UpTo(bitrate) => budget.raise.min(bitrate),
        Step::Nothing => 0,
    };
    share(fixed, Budget { raise, ..budget }, bids, rungs);
    let has_risen = bids.iter().any(|bid| bid.rises(rungs));
    if has_risen || raise == budget.raise || step == Step::Nothing {
        return;
    }
    share(fixed, budget, bids, rungs);
    let rising = bids.iter_mut().filter(|bid| bid.rises(rungs));
    for (index, bid) in rising.enumerate() {
        let before = bid.place_before(rungs);
        bid.place = match index {
            0 => Some(before.map_or(0, |place| place + 1)),
            _ => before,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::allocation::tests::{bids, budget};

    #[test]
    fn a_step_is_what_is_given_at_a_time_or_a_rung_of_one() {
        // A step, and the rungs after it of those who have 120 and 90 kbit/s. The second comes first.
        let rows = [
            (Step::Any, [8, 8]),
            (Step::Nothing, [2, 1]),
            (Step::UpTo(250_000), [2, 2]),
            (Step::UpTo(420_000), [2, 4]),
            // No rung is so small: one it is all the same.
            (Step::UpTo(231_000), [2, 2]),
        ];
        for (step, expected) in rows {
            let (mut bids, rungs) = bids(&[(1, Some(2), 9), (2, Some(1), 9)]);
            share_in_step(0, budget(5_000), step, &mut bids, &rungs);
            bids.sort_unstable_by_key(|bid| bid.rank.1);
            let places: Vec<_> = bids.iter().filter_map(|bid| bid.place).collect();
            assert_eq!(places, expected, "{step:?}");
        }
        // Who has nothing does not wait.
        let (mut nothing, rungs) = bids(&[(1, None, 9), (1, Some(0), 9)]);
        nothing[0].given = Given::Nothing;
        share_in_step(0, budget(150), Step::Nothing, &mut nothing, &rungs);
        assert_eq!(nothing[0].place, Some(1));
        // Nor who comes, where lowest layers have no room of their own.
        let (mut coming, rungs) = bids(&[(1, None, 9)]);
        let strict = Budget {
            lowest: Lowest::Nobody,
            ..budget(150)
        };
        share_in_step(0, strict, Step::Nothing, &mut coming, &rungs);
        assert_eq!(coming[0].place, Some(2));
        // What is too much falls in any step.
        let (mut bids, rungs) = bids(&[(1, Some(5), 9)]);
        share_in_step(0, budget(150), Step::UpTo(440_000), &mut bids, &rungs);
        assert_eq!(bids[0].place, Some(2));
    }
}
