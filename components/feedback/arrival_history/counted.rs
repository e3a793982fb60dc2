//! Which numbers were counted, so that none is twice.

use std::ops::Range;

use crate::media::loss_history::Tally;

/// How far numbers were counted as arrived or lost. Reports go over some of them again, when a
/// packet comes that was overtaken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    end: i64,
    /// Packets that were counted as lost, then arrived, and were not made up for.
    overtaken: u32,
}

crate::snapshot::state! { struct Counted { end, overtaken } }

impl Counted {
    /// Nothing from `number` on was counted.
    pub(super) fn from(number: i64) -> Self {
        Self {
            end: number,
            overtaken: 0,
        }
    }

    /// A packet arrives, and is no duplicate.
    pub(super) fn arrive(&mut self, number: i64) {
        self.overtaken += u32::from(number < self.end);
    }

    /// Counts those of `reported` that were not counted yet. Who was counted as lost and came after
    /// all makes up for one that is lost now: the sum is right then, and no share is below zero.
    pub(super) fn count(&mut self, reported: Range<i64>, is_lost: impl Fn(i64) -> bool) -> Tally {
        let fresh = reported.start.max(self.end)..reported.end;
        self.end = self.end.max(reported.end);
        let expected = fresh.clone().count() as u32;
        let lost = fresh.filter(|&number| is_lost(number)).count() as u32;
        let made_up = lost.min(self.overtaken);
        self.overtaken -= made_up;
        Tally {
            expected,
            lost: lost - made_up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ArrivalHistory;
    use crate::tick::time::Time;

    #[test]
    fn what_is_reported_again_is_not_counted_again() {
        let mut history = ArrivalHistory::new(1_000);
        // Numbers that arrive before a report; what it counts: expected and lost.
        let rows: [(&[u16], (u32, u32)); 8] = [
            (&[10, 12, 15], (6, 3)),
            // 11 was overtaken: the report goes from there, and what it goes over was counted.
            (&[11], (0, 0)),
            // It makes up for 17; 16 and 18 arrive.
            (&[16, 18], (3, 0)),
            // Nothing is left to make up for 19.
            (&[20], (2, 1)),
            // 13 and 14 make up for one of 21, 22 and 23; 11 is a duplicate.
            (&[13, 14, 11, 24], (4, 1)),
            (&[24, 25], (1, 0)),
            // A jump that is confirmed: what was before it counts no more.
            (&[23, 5_000, 5_001, 5_003], (3, 1)),
            (&[5_005], (2, 1)),
        ];
        for (ms, (numbers, counted)) in (0..).zip(rows) {
            for &number in numbers {
                history.receive(number, Time::from_millis(ms));
            }
            let tally = history.report(Time::from_millis(ms), &mut Vec::new());
            assert_eq!((tally.expected, tally.lost), counted, "{numbers:?}");
        }
    }
}
