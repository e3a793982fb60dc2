//! What an association yielded is yielded again.

use std::time::Duration;

use flumen::sctp::{Association, AssociationEvent, Config, Failure, Output, State};
use flumen_tests::{Ends, Stack, message, start};

/// A conversation from the first to the last word.
fn converse(ends: &mut Ends) {
    ends.keeps_datagrams = true;
    ends.connect();
    for count in 0..20_u8 {
        ends.send(0, &message(1, vec![count; 3_000]));
        ends.send(1, &message(2, vec![count; 30]));
    }
    ends.run_for(Duration::from_secs(1));
    ends.ends[0].shut_down(ends.now);
    ends.run_for(Duration::from_secs(1));
}

#[test]
fn a_tape_plays_back_byte_for_byte() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.ends.iter_mut().for_each(Association::record);
        converse(&mut ends);
        let tapes = ends.ends.each_mut().map(|end| {
            let tape = end.take_tape().expect("it was recorded");
            serde_json::to_string(&tape).expect("a tape is data")
        });

        let played = tapes.map(|tape| {
            let tape = serde_json::from_str(&tape).expect("and comes back");
            Association::recorded(tape)
        });
        let mut again = Ends::new(played);
        converse(&mut again);
        assert!(again.are(State::Closed), "{stacks:?}");
        for (then, now) in ends.got.iter().zip(&again.got) {
            assert_eq!(then.messages.len(), 20, "{stacks:?}");
            assert!(then.datagrams.len() > 5, "{stacks:?}");
            assert_eq!(then.messages, now.messages, "{stacks:?}");
            assert_eq!(then.events, now.events, "{stacks:?}");
            assert_eq!(then.datagrams, now.datagrams, "{stacks:?}");
        }
    }
}

#[test]
fn a_call_that_is_not_on_the_tape_fails_the_association() {
    let mut recorded = Association::new(Config::default(), start());
    recorded.record();
    let now = flumen::Time::ZERO;
    recorded.connect(now);
    let tape = recorded.take_tape().expect("it was recorded");
    let mut played = Association::recorded(tape);
    played.connect(now);
    assert_eq!(played.state(), State::Connecting);
    let mut out = Output::default();
    played.poll(now, &mut out);
    let failed = AssociationEvent::Failed(Failure::Diverged);
    assert_eq!(
        out.events,
        [failed, AssociationEvent::StateChanged(State::Failed)]
    );
    assert_eq!(played.state(), State::Failed);
}
