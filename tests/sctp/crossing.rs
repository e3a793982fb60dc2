//! Both ends ask, and both answer.

use std::time::Duration;

use flumen::Time;
use flumen::components::{Created, Purpose, Seed};
use flumen::sctp::{Config, State};
use flumen_tests::{Ends, Stack, message, start};

/// What is said now; it goes astray unless it is delivered.
fn said(ends: &mut Ends) -> Vec<Vec<u8>> {
    ends.poll();
    let far = Time::from_secs(3_600);
    let flying = std::iter::from_fn(|| ends.ways.arrival(far));
    flying.map(|(_, datagram)| datagram).collect()
}

/// Whether all of it was taken.
fn hear(ends: &mut Ends, at: usize, datagrams: &[Vec<u8>]) -> bool {
    let now = ends.now;
    let mut each = datagrams.iter();
    each.all(|datagram| ends.ends[at].receive(now, datagram).is_ok())
}

/// The second end was asked and has answered when it asks itself; its answer is overtaken by its
/// question.
#[test]
fn answers_that_cross_make_one_association() {
    let mut crossed = 0;
    for seed in 0..8 {
        let end = |created| {
            let generator = Seed([seed; 32]).generator(Created(created), Purpose::Sctp);
            let association = Stack::Rtc.associate(Config::default(), start());
            association.drawing_from(generator)
        };
        let mut ends = Ends::new([end(0), end(1)]);
        ends.ends[0].connect(ends.now);
        let question = said(&mut ends);
        assert!(hear(&mut ends, 1, &question));
        let answer = said(&mut ends);
        ends.ends[1].connect(ends.now);
        ends.now += Duration::from_secs(1);
        ends.ends[1].advance(ends.now);
        let counter = said(&mut ends);
        if !hear(&mut ends, 0, &counter) {
            continue;
        }
        crossed += 1;
        let counter_answer = said(&mut ends);
        assert!(hear(&mut ends, 0, &answer) && hear(&mut ends, 1, &counter_answer));
        // The cookies cross.
        ends.run_until(|ends| ends.are(State::Connected));
        ends.send(0, &message(1, "there"));
        ends.send(1, &message(1, "back"));
        ends.run_for(Duration::from_secs(20));
        assert_eq!(ends.payloads(1), [b"there"], "seed {seed}");
        assert_eq!(ends.payloads(0), [b"back"], "seed {seed}");
    }
    assert!(crossed > 0, "the later question wins sometimes");
}

/// Two engines with one seed: neither is greater.
#[test]
fn two_ends_that_draw_the_same_come_together() {
    for &stacks in Stack::PAIRS {
        let draw = |stack: Stack| {
            let generator = Seed([7; 32]).generator(Created(1), Purpose::Sctp);
            let association = stack.associate(Config::default(), start());
            association.drawing_from(generator)
        };
        for millis in [0, 5, 10, 15, 25] {
            let mut ends = Ends::new(stacks.map(draw));
            ends.ends[0].connect(ends.now);
            ends.run_for(Duration::from_millis(millis));
            ends.ends[1].connect(ends.now);
            ends.run_until(|ends| ends.are(State::Connected));
            ends.send(0, &message(1, "there"));
            ends.send(1, &message(1, "back"));
            ends.run_for(Duration::from_secs(20));
            assert_eq!(ends.payloads(1), [b"there"], "{stacks:?}, {millis} ms");
            assert_eq!(ends.payloads(0), [b"back"], "{stacks:?}, {millis} ms");
        }
    }
}
