//! When the packets of a transport arrived, by their transport-wide sequence numbers.

mod counted;

use std::time::Duration;

use crate::media::loss_history::Tally;
use crate::tick::time::Time;
use crate::wire::rtcp::Arrival;
use counted::Counted;

/// When the newest packets of a transport arrived: what transport-wide feedback is written from
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
///
/// Numbers of 16 bits are continued to 64, and each has a slot of a ring, so that a packet costs
/// the same however far it is from the one before, and gaps cost nothing.
#[derive(Clone, Debug)]
pub struct ArrivalHistory {
    slots: Vec<Slot>,
    limit: usize,
    /// What is below is forgotten, what is from `next` on was not reported.
    begin: i64,
    next: i64,
    end: i64,
    counted: Counted,
    /// The number that would confirm a jump.
    awaited: Option<u16>,
}

crate::snapshot::state! {
    struct ArrivalHistory {
        slots, limit, begin, next, end, counted, awaited
    }
}

/// A number and when it arrived, in ticks of 250 µs. A slot of another number is as good as empty.
#[derive(Clone, Copy, Debug)]
struct Slot {
    number: i64,
    ticks: i64,
}

crate::snapshot::state! { struct Slot { number, ticks } }

impl Slot {
    const EMPTY: Self = Self {
        number: i64::MIN,
        ticks: 0,
    };
}

/// What arrived so long ago and was reported is forgotten: then a packet that was overtaken by it
/// is lost for good.
const WINDOW: Duration = Duration::from_millis(500);
/// Slots to begin with: half a second of an audio call with video of 2 Mbit/s.
const SLOTS_MIN: usize = 128;
/// Where numbers begin: a packet that was overtaken by the first one is below.
const FIRST: i64 = 1 << 16;

impl ArrivalHistory {
    /// A history of at most `limit` numbers, gaps included.
    pub fn new(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            limit,
            begin: 0,
            next: 0,
            end: 0,
            counted: Counted::default(),
            awaited: None,
        }
    }

    /// Takes in that `number` arrived at `now`. Of duplicates the first counts. A jump further than
    /// the limit counts once a second packet confirms it; the history then begins anew.
    pub fn receive(&mut self, number: u16, now: Time) {
        let Some(number) = self.continued(number, now) else {
            return;
        };
        if number < self.begin {
            return;
        }
        self.make_room(number);
        let index = self.index(number);
        let slot = &mut self.slots[index];
        if slot.number == number {
            return;
        }
        *slot = Slot {
            number,
            ticks: ticks(now),
        };
        self.counted.arrive(number);
        self.end = self.end.max(number + 1);
        self.begin = self.begin.max(self.end - self.slots.len() as i64);
        self.next = self.next.min(number).max(self.begin);
    }

    /// There are arrivals to report.
    pub fn has_news(&self) -> bool {
        self.next < self.end
    }

    /// Appends every number since the last report to `out`, those that did not arrive included.
    /// After a packet that was overtaken by reported ones, the report begins with it.
    ///
    /// Returns what is reported for the first time: a report that goes over others again counts
    /// nothing twice.
    pub fn report(&mut self, now: Time, out: &mut Vec<Arrival>) -> Tally {
        out.extend((self.next..self.end).map(|number| Arrival {
            sequence_number: number as u16,
            time: self.arrival(number),
        }));
        let is_lost = |number| self.arrival(number).is_none();
        let mut counted = self.counted;
        let tally = counted.count(self.next..self.end, is_lost);
        self.counted = counted;
        self.next = self.end;
        self.forget(ticks(now) - ticks_of(WINDOW));
        tally
    }

    fn arrival(&self, number: i64) -> Option<i64> {
        let slot = self.slots[self.index(number)];
        (slot.number == number).then_some(slot.ticks)
    }

    fn index(&self, number: i64) -> usize {
        number.rem_euclid(self.slots.len() as i64) as usize
    }

    /// The number with the bits that are not sent, or none for a jump that is not confirmed: of a
    /// sender that counts anew, who may be a little behind.
    fn continued(&mut self, number: u16, now: Time) -> Option<i64> {
        if self.end == 0 {
            return Some(self.restart(FIRST + i64::from(number)));
        }
        let newest = self.end - 1;
        let distance = i64::from(number.wrapping_sub(newest as u16).cast_signed());
        let is_late = newest + distance < self.begin;
        let is_near = distance.unsigned_abs() < self.limit as u64;
        if is_near && !(is_late && self.is_silent(now)) {
            self.awaited = None;
            return Some(newest + distance);
        }
        let confirmed = self.awaited.replace(number.wrapping_add(1)) == Some(number);
        // Always upwards, so that no slot holds an older packet of the same number.
        let upwards = (newest + distance) + if distance < 0 { FIRST } else { 0 };
        confirmed.then(|| self.restart(upwards))
    }

    /// Nothing came lately.
    fn is_silent(&self, now: Time) -> bool {
        let newest = self.arrival(self.end - 1);
        newest.is_none_or(|came| ticks(now) - came > ticks_of(WINDOW))
    }

    fn restart(&mut self, number: i64) -> i64 {
        (self.begin, self.next, self.end) = (number, number, number);
        self.counted = Counted::from(number);
        self.awaited = None;
        number
    }

    /// Doubles the ring until it holds what is remembered and `number`, or the limit.
    fn make_room(&mut self, number: i64) {
        let span = (number + 1 - self.begin).max(1) as usize;
        let mut len = self.slots.len();
        while len < span && len < self.limit {
            len = (2 * len).clamp(SLOTS_MIN.min(self.limit), self.limit);
        }
        if len == self.slots.len() {
            return;
        }
        let old = std::mem::replace(&mut self.slots, vec![Slot::EMPTY; len]);
        for slot in old.into_iter().filter(|slot| slot.number >= self.begin) {
            let index = self.index(slot.number);
            self.slots[index] = slot;
        }
    }

    /// Forgets what was reported and is no newer than `horizon`.
    fn forget(&mut self, horizon: i64) {
        let mut begin = self.begin;
        for number in self.begin..self.next {
            match self.arrival(number) {
                Some(ticks) if ticks > horizon => break,
                Some(_) => begin = number + 1,
                None => {}
            }
        }
        self.begin = begin;
    }
}

/// Rounded down, so that differences of times do not drift.
fn ticks(time: Time) -> i64 {
    (time.as_micros() / 250) as i64
}

fn ticks_of(span: Duration) -> i64 {
    (span.as_micros() / 250) as i64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// (number, milliseconds)
    fn fed(limit: usize, arrivals: &[(u16, u64)]) -> ArrivalHistory {
        let mut history = ArrivalHistory::new(limit);
        feed(&mut history, arrivals);
        history
    }

    fn feed(history: &mut ArrivalHistory, arrivals: &[(u16, u64)]) {
        for &(number, ms) in arrivals {
            history.receive(number, Time::from_millis(ms));
        }
    }

    /// (number, milliseconds); none when it did not arrive.
    fn reported(history: &mut ArrivalHistory, ms: u64) -> Vec<(u16, Option<i64>)> {
        let mut out = Vec::new();
        history.report(Time::from_millis(ms), &mut out);
        let row = |arrival: Arrival| (arrival.sequence_number, arrival.time.map(|ticks| ticks / 4));
        out.into_iter().map(row).collect()
    }

    #[test]
    fn what_came_since_the_last_report_is_reported_with_its_gaps() {
        let mut history = fed(1_000, &[(65_534, 1), (65_535, 2), (1, 3)]);
        assert!(history.has_news());
        let expected = [
            (65_534, Some(1)),
            (65_535, Some(2)),
            (0, None),
            (1, Some(3)),
        ];
        assert_eq!(reported(&mut history, 10), expected);
        assert!(!history.has_news());
        feed(&mut history, &[(4, 20)]);
        // What is lost between two reports is in the second one.
        assert_eq!(
            reported(&mut history, 30),
            [(2, None), (3, None), (4, Some(20))]
        );
    }

    #[test]
    fn what_was_overtaken_is_reported_with_what_overtook_it() {
        let mut history = fed(1_000, &[(10, 1), (12, 2)]);
        reported(&mut history, 10);
        feed(&mut history, &[(11, 20), (13, 21)]);
        let expected = [(11, Some(20)), (12, Some(2)), (13, Some(21))];
        assert_eq!(reported(&mut history, 30), expected);
    }

    #[test]
    fn of_duplicates_the_first_counts() {
        let mut history = fed(1_000, &[(10, 1), (10, 9)]);
        assert_eq!(reported(&mut history, 10), [(10, Some(1))]);
        feed(&mut history, &[(10, 20)]);
        assert!(!history.has_news());
    }

    #[test]
    fn after_half_a_second_what_was_overtaken_is_lost() {
        let mut history = fed(1_000, &[(10, 0), (12, 0), (14, 100)]);
        reported(&mut history, 500);
        // 12 is forgotten, so 11 is too; 14 is not, so 13 counts.
        feed(&mut history, &[(11, 510)]);
        assert!(!history.has_news());
        feed(&mut history, &[(13, 520)]);
        assert_eq!(
            reported(&mut history, 530),
            [(13, Some(520)), (14, Some(100))]
        );
    }

    #[test]
    fn a_jump_counts_once_it_is_confirmed_and_costs_nothing() {
        let mut history = fed(1_000, &[(10, 1), (1_010, 2), (11, 3)]);
        assert_eq!(reported(&mut history, 10).len(), 2, "nobody followed");
        feed(&mut history, &[(40_000, 20), (40_001, 21), (40_003, 22)]);
        let expected = [(40_001, Some(21)), (40_002, None), (40_003, Some(22))];
        assert_eq!(reported(&mut history, 30), expected);
        // Back to where it came from: 10 is another packet than before.
        feed(&mut history, &[(9, 40), (10, 41)]);
        assert_eq!(reported(&mut history, 50), [(10, Some(41))]);
    }

    #[test]
    fn a_sender_that_counts_anew_a_little_behind_is_followed_within_a_second() {
        let mut history = ArrivalHistory::new(8_192);
        let mut out = Vec::new();
        for number in 0..2_000 {
            history.receive(number, Time::from_millis(u64::from(number) * 10));
            history.report(Time::from_millis(u64::from(number) * 10), &mut out);
        }
        let again = |number: u16| Time::from_millis(20_000 + u64::from(number) * 10);
        for number in 0..100 {
            history.receive(number, again(number));
        }
        let told = reported(&mut history, 21_000);
        assert_eq!(told.last(), Some(&(99, Some(20_990))));
        assert!(told.len() >= 40, "{}", told.len());
        // One that was overtaken by what was reported is none who counts anew.
        history.receive(98, Time::from_millis(22_000));
        history.receive(100, Time::from_millis(22_001));
        assert_eq!(reported(&mut history, 22_100), [(100, Some(22_001))]);
    }

    #[test]
    fn a_flood_is_remembered_up_to_the_limit() {
        let mut history = ArrivalHistory::new(1_000);
        for number in 0..5_000 {
            history.receive(number, Time::ZERO);
        }
        assert_eq!(history.slots.len(), 1_000);
        let rows = reported(&mut history, 1);
        assert_eq!((rows.len(), rows[0]), (1_000, (4_000, Some(0))));
        let mut noise = 1_u32;
        for _ in 0..10_000 {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            history.receive((noise >> 16) as u16, Time::ZERO);
        }
        assert!(reported(&mut history, 2).len() <= 1_000);
    }

    /// The same rules over a map that forgets nothing.
    #[derive(Default)]
    struct Model {
        arrivals: BTreeMap<i64, i64>,
        begin: i64,
        next: i64,
        end: i64,
    }

    impl Model {
        fn receive(&mut self, number: i64, now: Time) {
            if number >= self.begin && !self.arrivals.contains_key(&number) {
                self.arrivals.insert(number, ticks(now));
                self.end = self.end.max(number + 1);
                self.next = self.next.min(number);
            }
        }

        fn report(&mut self, now: Time) -> Vec<Arrival> {
            let row = |number: i64| Arrival {
                sequence_number: number as u16,
                time: self.arrivals.get(&number).copied(),
            };
            let rows = (self.next..self.end).map(row).collect();
            self.next = self.end;
            for (&number, &at) in self.arrivals.range(self.begin..) {
                if at > ticks(now) - ticks_of(WINDOW) {
                    break;
                }
                self.begin = number + 1;
            }
            rows
        }
    }

    proptest! {
        #[test]
        fn it_reports_what_a_map_would(
            steps in vec((-20_i64..60, 0_u64..80, any::<bool>()), 1..300),
        ) {
            let (mut now, mut newest) = (Time::ZERO, 65_000_i64);
            let mut history = ArrivalHistory::new(4_096);
            let mut model = Model { begin: newest, next: newest, ..Model::default() };
            history.receive(newest as u16, now);
            model.receive(newest, now);
            for (offset, ms, report) in steps {
                now += Duration::from_millis(ms);
                let number = newest + offset;
                newest = newest.max(number);
                history.receive(number as u16, now);
                model.receive(number, now);
                prop_assert_eq!(history.has_news(), model.next < model.end);
                if report {
                    let mut told = Vec::new();
                    history.report(now, &mut told);
                    prop_assert_eq!(told, model.report(now));
                }
            }
        }
    }

    #[test]
    fn a_ring_that_grows_keeps_what_it_holds() {
        let arrivals: Vec<(u16, u64)> = (0..300).map(|n| (n * 3, n.into())).collect();
        let mut history = fed(8_192, &arrivals);
        let rows = reported(&mut history, 400);
        assert_eq!(rows.len(), 898);
        for (number, time) in rows {
            let expected = number.is_multiple_of(3).then_some(i64::from(number / 3));
            assert_eq!(time, expected, "{number}");
        }
    }
}
