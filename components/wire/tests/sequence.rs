//! The sequence manager against its rules, followed to the letter.

use flumen_wire::sequence::{SequenceManager, WINDOW, is_higher};
use proptest::collection::vec;
use proptest::prelude::*;

/// The rules, with every drop in an unbounded list that is searched from end to end.
struct Model {
    max_value: u32,
    started: bool,
    base: u32,
    max_output: u32,
    max_input: u32,
    max_forwarded: u32,
    max_dropped: u32,
    dropped: Vec<u32>,
    initial_output: u32,
}

impl Model {
    fn new(bits: u32, initial_output: u16) -> Self {
        Self {
            max_value: (1 << bits) - 1,
            started: false,
            base: 0,
            max_output: 0,
            max_input: 0,
            max_forwarded: 0,
            max_dropped: 0,
            dropped: vec![],
            initial_output: initial_output.into(),
        }
    }

    fn higher(&self, l: u32, r: u32) -> bool {
        (l > r && l - r <= self.max_value / 2) || (r > l && r - l > self.max_value / 2)
    }

    fn sync(&mut self, input: u32) {
        self.base = self.max_output.wrapping_sub(input) & self.max_value;
        self.max_input = input;
        self.dropped.clear();
    }

    fn drop(&mut self, input: u32) {
        if self.higher(input, self.max_input) {
            self.max_input = input;
            self.max_dropped = input;
        } else if self.max_input != self.max_dropped || !self.higher(input, self.max_forwarded) {
            return;
        }
        self.clean();
        if !self.dropped.contains(&input) {
            let behind = self
                .dropped
                .iter()
                .position(|&dropped| self.higher(dropped, input));
            self.dropped
                .insert(behind.unwrap_or(self.dropped.len()), input);
        }
    }

    fn clean(&mut self) {
        while !self.dropped.is_empty() && self.higher(self.dropped[0], self.max_input) {
            self.dropped.remove(0);
            self.base = self.base.wrapping_sub(1) & self.max_value;
        }
    }

    fn input(&mut self, input: u32) -> Option<u16> {
        if !self.dropped.is_empty() && self.started && self.higher(input, self.max_input) {
            self.max_input = input;
            self.max_forwarded = input;
            self.clean();
        }
        if self.dropped.contains(&input) {
            return None;
        }
        let preceding = self
            .dropped
            .iter()
            .filter(|&&dropped| self.higher(input, dropped));
        let base = self.base.wrapping_sub(preceding.count() as u32);
        let output = input.wrapping_add(base) & self.max_value;
        if !self.started {
            self.started = true;
            (self.max_input, self.max_forwarded, self.max_output) = (input, input, output);
        }
        if self.higher(input, self.max_input) {
            self.max_input = input;
        }
        if self.higher(input, self.max_forwarded) {
            self.max_forwarded = input;
        }
        if self.higher(output, self.max_output) {
            self.max_output = output;
        }
        Some(((output + self.initial_output) & self.max_value) as u16)
    }
}

/// What happens to the number that is `step` from where the stream is.
#[derive(Clone, Copy, Debug)]
enum Event {
    Input,
    Drop,
    Sync,
}

fn events() -> impl Strategy<Value = Vec<(Event, i32)>> {
    let event = prop_oneof![
        6 => Just(Event::Input),
        5 => Just(Event::Drop),
        1 => Just(Event::Sync),
    ];
    // Mostly onward, at times back, seldom far.
    let step = prop_oneof![12 => 1..=1, 4 => 2..6, 3 => -8..1, 1 => -200..200];
    vec((event, step), 1..600)
}

/// Drops `early` numbers in a row before the first is forwarded, then whatever `events` say.
///
/// Where drops alone reach over half the space, the rules leave open which are older.
fn compare<const BITS: u32>(initial: u16, start: u16, early: usize, events: &[(Event, i32)]) {
    let mut manager = SequenceManager::<BITS>::new(initial);
    let mut model = Model::new(BITS, initial);
    let mut at = i32::from(start);
    let early = std::iter::repeat_n(&(Event::Drop, 1), early);
    let events = early.chain([&(Event::Input, 1)]).chain(events);
    for &(event, step) in events {
        at += step;
        let input = at as u32 & model.max_value;
        match event {
            Event::Input => assert_eq!(manager.input(input as u16), model.input(input)),
            Event::Drop => {
                manager.drop(input as u16);
                model.drop(input);
            }
            Event::Sync => {
                manager.sync(input as u16);
                model.sync(input);
            }
        }
        assert_eq!(u32::from(manager.max_input()), model.max_input);
        let max_output = (model.max_output + model.initial_output) & model.max_value;
        assert_eq!(u32::from(manager.max_output()), max_output);
    }
}

proptest! {
    #[test]
    fn eight_bits_follow_the_rules(initial: u16, start: u16, early in 0..40_usize, events in events()) {
        compare::<8>(initial, start, early, &events);
    }

    #[test]
    fn fifteen_bits_follow_the_rules(initial: u16, start in 32_700..32_767_u16, early in 0..40_usize, events in events()) {
        compare::<15>(initial, start, early, &events);
    }

    #[test]
    fn sixteen_bits_follow_the_rules(initial: u16, start in 65_400_u16.., early in 0..40_usize, events in events()) {
        compare::<16>(initial, start, early, &events);
    }

    #[test]
    fn of_two_different_numbers_exactly_one_is_higher(l: u32, r: u32) {
        prop_assert_eq!(is_higher::<32>(l, r) != is_higher::<32>(r, l), l != r);
        let (l, r) = (l & 0x7FFF, r & 0x7FFF);
        prop_assert_eq!(is_higher::<15>(l, r) != is_higher::<15>(r, l), l != r);
    }
}

#[test]
fn without_drops_numbers_pass() {
    let mut manager = SequenceManager::<16>::new(0);
    for number in [65_534, 65_535, 0, 2, 1] {
        assert_eq!(manager.input(number), Some(number));
    }
}

#[test]
fn an_output_tells_its_input() {
    let mut manager = SequenceManager::<16>::new(1_000);
    assert_eq!(manager.input_of(1_000), None, "nothing was given out");
    manager.restart(65_533);
    for (input, forwarded) in [(65_534, true), (65_535, false), (0, true), (1, false)] {
        match forwarded {
            true => manager.input(input).map(drop).unwrap(),
            false => manager.drop(input),
        }
    }
    // 2 is lost, 3 is given out: it can still come, so its number is kept for it.
    assert_eq!(manager.input(3), Some(1_004));
    let inputs = [1_001, 1_002, 1_003, 1_004].map(|output| manager.input_of(output));
    assert_eq!(inputs, [Some(65_534), Some(0), Some(2), Some(3)]);
    for never in [1_000, 999, 1_005, 40_000] {
        assert_eq!(manager.input_of(never), None, "{never}");
    }
    manager.restart(9);
    assert_eq!(manager.input_of(1_004), None, "of a run before");
    manager.input(10);
    assert_eq!(manager.input_of(1_005), Some(10));
    assert_eq!(manager.input_of(1_004), None, "of a run before");
}

proptest! {
    #[test]
    fn every_output_of_the_window_tells_its_input(
        start in any::<u16>(),
        initial in any::<u16>(),
        forwarded in vec(any::<bool>(), 1..6_000),
    ) {
        let mut manager = SequenceManager::<16>::new(initial);
        manager.restart(start.wrapping_sub(1));
        let mut given = Vec::new();
        for (index, &forward) in forwarded.iter().enumerate() {
            let input = start.wrapping_add(index as u16);
            match forward {
                true => given.push((index, input, manager.input(input))),
                false => manager.drop(input),
            }
        }
        for (index, input, output) in given {
            let known = forwarded.len() - index <= WINDOW;
            let found = manager.input_of(output.unwrap());
            prop_assert_eq!(found, known.then_some(input), "{} of {}", index, forwarded.len());
        }
    }

    #[test]
    fn in_order_outputs_are_contiguous(
        start in any::<u16>(),
        initial in any::<u16>(),
        forwarded in vec(any::<bool>(), 1..400),
    ) {
        let mut manager = SequenceManager::<16>::new(initial);
        manager.sync(start.wrapping_sub(1));
        let mut expected = initial;
        for (index, forward) in forwarded.into_iter().enumerate() {
            let input = start.wrapping_add(index as u16);
            if forward {
                expected = expected.wrapping_add(1);
                prop_assert_eq!(manager.input(input), Some(expected));
            } else {
                manager.drop(input);
            }
        }
    }
}
