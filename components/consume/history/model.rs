//! The history against its rules, followed to the letter over a list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{BOUNDS, keep, kept, packet};
use super::{History, Keeping};
use Keeping::{Duplicate, Kept, Refused};

/// What is kept: timestamps by extended number.
#[derive(Default)]
struct Model {
    packets: BTreeMap<i64, u32>,
}

impl Model {
    fn keep(&mut self, number: i64, timestamp: u32) -> Keeping {
        let Some((&newest, &newest_at)) = self.packets.last_key_value() else {
            self.packets.insert(number, timestamp);
            return Kept;
        };
        if number < newest && timestamp > newest_at {
            self.packets.clear();
        }
        let now = timestamp.max(newest_at);
        while let Some((&oldest, &at)) = self.packets.first_key_value() {
            if now - at <= BOUNDS.age {
                break;
            }
            self.packets.remove(&oldest);
        }
        if self.packets.contains_key(&number) {
            return Duplicate;
        }
        if self.packets.is_empty() {
            self.packets.insert(number, timestamp);
            return Kept;
        }
        let oldest = *self.packets.first_key_value().unwrap().0;
        let before = self.packets.range(..number).next_back();
        let after = self.packets.range(number..).next();
        let ordered = before.is_none_or(|(_, &at)| at <= timestamp)
            && after.is_none_or(|(_, &at)| at >= timestamp);
        let old = number < oldest && (now - timestamp > BOUNDS.age || newest - number >= 2_500);
        if !ordered || old {
            return Refused;
        }
        self.packets.insert(number, timestamp);
        let newest = *self.packets.last_key_value().unwrap().0;
        self.packets.retain(|&number, _| newest - number < 2_500);
        Kept
    }
}

proptest! {
    #[test]
    fn it_keeps_what_a_list_would(
        start in 40_000..70_000_i64,
        // Mostly onward, at times back, seldom far; timestamps mostly follow.
        steps in prop::collection::vec(
            (prop_oneof![8 => 1..3_i64, 3 => -20..20_i64, 1 => -2_600..2_600_i64],
             prop_oneof![8 => 0..1_i64, 1 => -40_000..40_000_i64]),
            1..300,
        ),
    ) {
        let (mut history, mut model) = (History::default(), Model::default());
        let mut number = start;
        for (step, wrong) in steps {
            number += step;
            let timestamp = (1_000_000 + (number - start) * 300 + wrong).max(0) as u32;
            let expected = model.keep(number, timestamp);
            prop_assert_eq!(keep(&mut history, number as u16, timestamp), expected);
            let known: Vec<u16> = model.packets.keys().map(|&number| number as u16).collect();
            prop_assert_eq!(kept(&history), known);
        }
        for (&number, &timestamp) in &model.packets {
            let (_, bytes) = history.get(number as u16).unwrap();
            prop_assert_eq!(bytes, packet(number as u16, timestamp));
        }
    }
}
