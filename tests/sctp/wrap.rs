//! Sequence numbers that begin again at 0, RFC 9260 section 1.6.

use std::collections::BTreeSet;
use std::time::Duration;

use flumen::components::wire::sctp::{Init, Sack, chunks, kind};
use flumen::components::{Created, Purpose, Seed};
use flumen::sctp::{Association, Config, OutgoingMessage, Reliability, State};
use flumen_tests::forger::{Forger, reset};
use flumen_tests::{Ends, Stack, message, start};
use proptest::prelude::*;

/// Each implementation once.
fn stacks() -> impl Iterator<Item = Stack> {
    let mirrored = Stack::PAIRS.iter().filter(|pair| pair[0] == pair[1]);
    mirrored.map(|pair| pair[0])
}

const WHOLE: u8 = 3;
/// Of the seed `[7; 32]`, whose first numbers are 21 and 6 below the wrap.
const LATE: [u64; 2] = [239_595_797, 302_284_730];

fn say(stranger: &mut Forger, tsn: u32) {
    stranger.tsn = tsn;
    // Unordered, so that each is delivered at once.
    stranger.say_data(WHOLE | 4, 1, 0, &tsn.to_be_bytes());
    stranger.ends.run_for(Duration::from_millis(2));
}

/// The last cumulative acknowledgement of end 0, and its gap blocks.
fn acknowledged(stranger: &Forger) -> (u32, Vec<[u16; 2]>) {
    let last = stranger.said(kind::SACK).pop().expect("it acknowledges");
    let mut chunks = chunks(&last);
    let sack = chunks.find_map(|chunk| {
        let sack = Sack::of(&chunk)?;
        let gaps = sack.gaps.chunks_exact(4);
        let gaps = gaps.map(|gap| [[gap[0], gap[1]], [gap[2], gap[3]]].map(u16::from_be_bytes));
        Some((sack.cumulative, gaps.collect()))
    });
    sack.expect("it acknowledges")
}

#[test]
fn a_peer_may_begin_with_any_number() {
    for stack in stacks() {
        for first in [0, 1, u32::MAX - 1, u32::MAX] {
            let mut stranger = Forger::stranger(stack, &Config::default(), first);
            say(&mut stranger, first);
            stranger.ends.run_for(Duration::from_secs(1));
            let case = format!("{stack:?} from {first}");
            assert_eq!(stranger.state(), State::Connected, "{case}");
            assert_eq!(stranger.ends.payloads(0), [first.to_be_bytes()], "{case}");
            assert_eq!(acknowledged(&stranger), (first, vec![]), "{case}");
        }
    }
}

#[test]
fn gaps_are_told_across_the_wrap() {
    for stack in stacks() {
        let first = u32::MAX - 1;
        let mut stranger = Forger::stranger(stack, &Config::default(), first);
        for tsn in [first, 0, 1, 3] {
            say(&mut stranger, tsn);
        }
        assert_eq!(
            acknowledged(&stranger),
            (first, vec![[2, 3], [5, 5]]),
            "{stack:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever the first number is: in any order, with anything again, each is delivered once, and
    /// what is told of it is true.
    #[test]
    fn where_numbers_begin_makes_no_difference(
        first in prop_oneof![u32::MAX - 12..=u32::MAX, 0..4_u32, any::<u32>()],
        order in prop::collection::vec(0..12_u32, 1..40),
    ) {
        let mut stranger = Forger::stranger(Stack::Rtc, &Config::default(), first);
        let mut arrived = BTreeSet::new();
        for ahead in order {
            say(&mut stranger, first.wrapping_add(ahead));
            arrived.insert(ahead);
        }
        stranger.ends.run_for(Duration::from_secs(1));
        prop_assert_eq!(stranger.state(), State::Connected);
        let mut payloads = stranger.ends.payloads(0);
        payloads.sort_unstable();
        let mut expected: Vec<_> = arrived
            .iter()
            .map(|ahead| first.wrapping_add(*ahead).to_be_bytes())
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(payloads, expected);

        let (cumulative, gaps) = acknowledged(&stranger);
        let complete = (0..).take_while(|ahead| arrived.contains(ahead)).count() as u32;
        prop_assert_eq!(cumulative, first.wrapping_add(complete).wrapping_sub(1));
        let told = gaps.into_iter().flat_map(|[start, end]| start..=end);
        let told: Vec<_> = told.map(|offset| u32::from(offset) + complete - 1).collect();
        let beyond: Vec<_> = arrived.into_iter().filter(|ahead| *ahead > complete).collect();
        prop_assert_eq!(told, beyond);
    }
}

/// An association whose first number is a few below the wrap.
fn before_the_wrap(stack: Stack, created: Created, config: &Config) -> Association {
    let generator = Seed([7; 32]).generator(created, Purpose::Sctp);
    let association = stack.associate(config.clone(), start());
    association.drawing_from(generator)
}

#[test]
fn messages_cross_while_the_numbers_of_both_ends_wrap() {
    cross_the_wrap(&Config::default());
}

#[test]
fn messages_cross_while_numbers_wrap_and_libraries_begin_anew() {
    cross_the_wrap(&Config {
        renew_after: 30,
        ..Config::default()
    });
}

fn cross_the_wrap(config: &Config) {
    for &stacks in Stack::PAIRS {
        for lost in [0, 10] {
            let case = format!("{stacks:?}, {lost} % lost");
            let pair = [
                before_the_wrap(stacks[0], Created(LATE[0]), config),
                before_the_wrap(stacks[1], Created(LATE[1]), config),
            ];
            let mut ends = Ends::new(pair);
            ends.keeps_datagrams = true;
            ends.connect();
            for at in [0, 1] {
                let sent = ends.got[at].datagrams.iter();
                let mut chunks = sent.flat_map(|(_, datagram)| chunks(datagram));
                let first = chunks.find_map(|chunk| Init::of(&chunk).map(|init| init.tsn));
                assert!(first > Some(u32::MAX - 40), "{case}: {first:?}");
            }
            ends.lose(lost);
            for round in 0..10_u8 {
                for count in 0..10_u8 {
                    for from in [0, 1] {
                        ends.send(from, &message(1, vec![round * 10 + count; 1_500]));
                        let fleeting = OutgoingMessage {
                            ordered: false,
                            reliability: Reliability::Retransmits(0),
                            ..message(2, "x")
                        };
                        ends.send(from, &fleeting);
                    }
                }
                ends.ends[0].reset_stream(1);
                ends.run_for(Duration::from_millis(50));
            }
            ends.run_until(|ends| ends.ends.iter().all(|end| end.buffered() == 0));
            for at in [0, 1] {
                let got = ends.got[at].messages.iter().map(|(_, message)| message);
                let got = got.filter(|message| message.stream == 1);
                let got = got.map(|message| message.payload[0]);
                assert!(got.eq(0..100), "{case}, end {at}");
            }
            ends.ends[0].shut_down(ends.now);
            ends.run_until(|ends| ends.are(State::Closed));
        }
    }
}

/// It is behind the end of the message that the old library goes up to.
#[test]
fn what_waits_for_a_reset_keeps_no_library_from_beginning_anew() {
    for stack in stacks() {
        let config = Config {
            renew_after: 2,
            ..Config::default()
        };
        let mut stranger = Forger::stranger(stack, &config, 100);
        let data = |stranger: &mut Forger, tsn, stream, sequence| {
            stranger.tsn = tsn;
            let value = stranger.data(stream, sequence, &tsn.to_be_bytes());
            stranger.packet(&[(kind::DATA, WHOLE, &value)])
        };
        let request = reset(100, 103, &[3]);
        let packets = [
            data(&mut stranger, 100, 3, 0),
            data(&mut stranger, 101, 3, 1),
            data(&mut stranger, 102, 3, 2),
            stranger.packet(&[(kind::RE_CONFIG, 0, &request)]),
            data(&mut stranger, 104, 3, 0),
            data(&mut stranger, 105, 5, 0),
        ];
        for packet in packets {
            let now = stranger.ends.now;
            assert_eq!(stranger.ends.ends[0].receive(now, &packet), Ok(()));
        }
        stranger.ends.run_for(Duration::from_secs(1));
        for (tsn, stream, sequence) in [(103, 3, 3), (106, 3, 1), (107, 5, 1)] {
            let packet = data(&mut stranger, tsn, stream, sequence);
            stranger.say(&packet);
            stranger.ends.run_for(Duration::from_secs(1));
        }
        let mut payloads = stranger.ends.payloads(0);
        payloads.sort_unstable();
        assert!(
            payloads
                .into_iter()
                .eq((100..=107_u32).map(u32::to_be_bytes)),
            "{stack:?}"
        );
        let sent = stranger.ends.ends[0].send(stranger.ends.now, &message(1, "x"));
        assert!(sent.is_ok(), "{stack:?}: {sent:?}");
        stranger.ends.run_for(Duration::from_millis(5));
        assert_eq!(
            stranger.said(kind::DATA).len(),
            1,
            "{stack:?}: it is not held"
        );
    }
}
