//! Messages of any length, and parts of messages that never end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use flumen::components::wire::sctp::kind;
use flumen_sim::{Feedback, Link, Loss, Messages, Peer};

use super::heard::assert_same;
use super::windows::{Ear, Known, packet};
use super::{Call, Manner, STEP, camera, is_little_work, victim};

/// Bytes of a part.
const PART: usize = 1_100;
/// Parts that are sent in a step.
const PARTS: u32 = 5;

/// Part number `index` behind the last one that was acknowledged before, of messages of `parts` parts on
/// the stream that others get messages of.
fn part(tsn: u32, index: u32, parts: u32) -> (u8, u8, Vec<u8>) {
    const ENDING: u8 = 1;
    const BEGINNING: u8 = 2;
    let (message, at) = (index / parts, index % parts);
    let begins = if at == 0 { BEGINNING } else { 0 };
    let ends = if at + 1 == parts { ENDING } else { 0 };
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend([0, 0]);
    // Behind those that it has sent as a true peer: see `SAID`.
    value.extend((SAID + message as u16).to_be_bytes());
    value.extend(53_u32.to_be_bytes());
    value.resize(value.len() + PART, 7);
    (kind::DATA, begins | ends, value)
}

/// Messages that the attacker sends before it begins to lie.
const SAID: u16 = 4;

/// What came of it: whether the engine ended the association, and how many parts it took.
#[derive(Debug)]
struct Fate {
    is_over: bool,
    taken: u32,
}

/// Plays a call in whose midst an attacker whom all get messages of begins to send messages of `parts`
/// parts, and asserts that the others get the same of each other.
fn unharmed(parts: u32) -> Fate {
    let [(calm, _), (attacked, fate)] = [Manner::Calm, Manner::Attacks].map(|manner| {
        let interval = Duration::from_millis(100);
        let attacker = Peer::new().messages(Messages::every(interval, 40));
        let victim = victim(camera()).feedback(Feedback::None);
        let mut call = Call::of(manner, victim, attacker);
        let known = Rc::new(RefCell::new(Known::default()));
        call.room.check(Ear {
            attacker: call.attacker,
            known: known.clone(),
        });
        while call.room.messages_sent(call.attacker) < SAID.into() {
            call.room.run_for(STEP);
        }
        call.room
            .set_link(call.attacker, Link::new().loss(Loss::percent(100)));
        call.room.run_for(20 * STEP);
        let before = known.borrow().acknowledged;
        let outcome = call.play(|call| {
            let told = known.borrow().clone();
            for ahead in 1..=PARTS {
                let tsn = told.acknowledged.wrapping_add(ahead);
                let index = tsn.wrapping_sub(before) - 1;
                let part = part(tsn, index, parts);
                call.say(&packet(&told, &[part]));
            }
        });
        let known = known.borrow();
        let fate = Fate {
            is_over: known.is_over,
            taken: known.acknowledged.wrapping_sub(before),
        };
        (outcome, fate)
    });
    assert_same(&calm.got, &attacked.got, Duration::ZERO);
    assert_eq!(attacked.messages, calm.messages);
    is_little_work(&calm, &attacked);
    fate
}

#[test]
fn messages_longer_than_are_taken_change_nothing_of_others() {
    // 262,144 bytes are taken.
    let fate = unharmed(300);
    assert!(!fate.is_over && fate.taken > 4_000, "{fate:?}");
}

#[test]
fn a_message_that_never_ends_changes_nothing_of_others() {
    let fate = unharmed(u32::MAX);
    assert!(fate.is_over && fate.taken < 4_000, "{fate:?}");
}
