//! The history against its rules, followed to the letter over a list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{BOUNDS, keep, kept, packet};
use super::{History, Keeping};
use Keeping::{Duplicate, Kept};

/// What is kept: when it arrived, in milliseconds, by extended number.
#[derive(Default)]
struct Model {
    packets: BTreeMap<i64, u64>,
}

impl Model {
    fn keep(&mut self, number: i64, ms: u64) -> Keeping {
        let age = BOUNDS.age.as_millis() as u64;
        self.packets.retain(|_, arrived| ms - *arrived <= age);
        if self.packets.contains_key(&number) {
            return Duplicate;
        }
        let newest = self.packets.last_key_value().map(|(&newest, _)| newest);
        let is_round = |newest| newest - number >= 2_500;
        self.packets
            .retain(|&kept, _| number - kept < 2_500 && !newest.is_some_and(is_round));
        self.packets.insert(number, ms);
        Kept
    }
}

proptest! {
    #[test]
    fn it_keeps_what_a_list_would(
        start in 40_000..70_000_i64,
        // Mostly onward, at times back, seldom far; mostly at once, at times after a while.
        steps in prop::collection::vec(
            (prop_oneof![8 => 1..3_i64, 3 => -20..20_i64, 1 => -2_600..2_600_i64],
             prop_oneof![8 => 0..20_u64, 1 => 0..1_500_u64]),
            1..300,
        ),
    ) {
        let (mut history, mut model) = (History::default(), Model::default());
        let (mut number, mut ms) = (start, 0);
        for (step, wait) in steps {
            number += step;
            ms += wait;
            let expected = model.keep(number, ms);
            prop_assert_eq!(keep(&mut history, number as u16, ms), expected);
            let known: Vec<u16> = model.packets.keys().map(|&number| number as u16).collect();
            prop_assert_eq!(kept(&history), known);
        }
        for &number in model.packets.keys() {
            let (_, bytes) = history.get(number as u16).unwrap();
            prop_assert_eq!(bytes, packet(number as u16));
        }
    }
}
