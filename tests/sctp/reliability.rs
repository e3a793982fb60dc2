//! What is delivered over a link that loses.

use std::time::Duration;

use flumen::sctp::{Config, OutgoingMessage, Reliability};
use flumen_tests::{Ends, Stack, message};

fn number(payload: &[u8]) -> u16 {
    u16::from_be_bytes([payload[0], payload[1]])
}

/// Sends `count` messages, 2 ms apart, over a link that loses one in five, and waits; what
/// arrived.
fn arrived(ends: &mut Ends, count: u16, ordered: bool, reliability: Reliability) -> Vec<u16> {
    ends.connect();
    ends.lose(20);
    for index in 0..count {
        let outgoing = OutgoingMessage {
            ordered,
            reliability,
            ..message(3, index.to_be_bytes().to_vec())
        };
        ends.send(0, &outgoing);
        ends.run_for(Duration::from_millis(2));
    }
    ends.lose(0);
    ends.run_for(Duration::from_secs(120));
    assert_eq!(ends.ends[0].buffered(), 0);
    ends.payloads(1).into_iter().map(number).collect()
}

#[test]
fn reliable_messages_arrive_once_and_in_order() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        let got = arrived(&mut ends, 1_000, true, Reliability::Reliable);
        assert!(got.into_iter().eq(0..1_000), "{stacks:?}");
    }
}

#[test]
fn unordered_without_limits_is_reliable() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        let mut got = arrived(&mut ends, 1_000, false, Reliability::Reliable);
        assert!(!got.is_sorted(), "{stacks:?}: what was lost came later");
        got.sort_unstable();
        assert!(got.into_iter().eq(0..1_000), "{stacks:?}: all, and once");
    }
}

#[test]
fn what_may_not_be_retransmitted_is_abandoned() {
    for &stacks in Stack::PAIRS {
        for ordered in [false, true] {
            let mut ends = Ends::with(stacks, &Config::default());
            let mut got = arrived(&mut ends, 1_000, ordered, Reliability::Retransmits(0));
            if ordered {
                assert!(got.is_sorted(), "{stacks:?}");
            }
            let count = got.len();
            assert!((600..950).contains(&count), "{stacks:?}: {count} of 1,000");
            got.sort_unstable();
            got.dedup();
            assert_eq!(got.len(), count, "{stacks:?}: nothing twice");
            ends.send(0, &message(3, "and on"));
            ends.run_for(Duration::from_secs(120));
            let last = ends.payloads(1).last().copied();
            assert_eq!(
                last,
                Some(&b"and on"[..]),
                "{stacks:?} {ordered}: the stream goes on"
            );
        }
    }
}

/// `webrtc-sctp` measures lifetimes by the system's clock, on which no time passes here.
#[test]
fn what_is_too_old_is_abandoned() {
    let mut ends = Ends::with([Stack::Rtc; 2], &Config::default());
    ends.connect();
    ends.lose(100);
    for reliability in [Reliability::Lifetime(100), Reliability::Reliable] {
        let outgoing = OutgoingMessage {
            ordered: false,
            reliability,
            ..message(3, format!("{reliability:?}"))
        };
        ends.send(0, &outgoing);
    }
    ends.run_for(Duration::from_millis(500));
    ends.lose(0);
    ends.run_for(Duration::from_secs(20));
    assert_eq!(ends.payloads(1), [b"Reliable"]);
    assert_eq!(ends.ends[0].buffered(), 0);
}

/// The receiver hears of the stream for the first time when it is told what was abandoned on it.
#[test]
fn a_stream_whose_first_messages_are_abandoned_goes_on() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(100);
        let hasty = |index: u8| OutgoingMessage {
            reliability: Reliability::Retransmits(0),
            ..message(3, vec![index])
        };
        for index in 0..2 {
            ends.send(0, &hasty(index));
        }
        ends.run_for(Duration::from_millis(500));
        ends.lose(0);
        ends.run_for(Duration::from_secs(20));
        assert_eq!(ends.ends[0].buffered(), 0, "{stacks:?}: they are abandoned");
        for index in 2..5 {
            ends.send(0, &hasty(index));
        }
        ends.run_for(Duration::from_secs(5));
        assert_eq!(ends.payloads(1), [[2], [3], [4]], "{stacks:?}");
    }
}

/// The fragments of what is abandoned would otherwise fill the window.
#[test]
fn abandoned_fragments_are_forgotten() {
    for ordered in [false, true] {
        let config = Config {
            receive_window: 100_000,
            ..Config::default()
        };
        let mut ends = Ends::with([Stack::Rtc; 2], &config);
        ends.connect();
        ends.lose(10);
        for index in 0..200_u8 {
            let outgoing = OutgoingMessage {
                ordered,
                reliability: Reliability::Retransmits(0),
                ..message(3, vec![index; 10_000])
            };
            ends.send(0, &outgoing);
            ends.run_for(Duration::from_millis(300));
        }
        let got = ends.got[1].messages.len();
        assert!((20..180).contains(&got), "{got} of 200 came through whole");
        ends.lose(0);
        ends.run_for(Duration::from_secs(60));
        ends.send(0, &message(3, vec![7; 50_000]));
        ends.run_for(Duration::from_secs(10));
        assert_eq!(ends.payloads(1).last().map(|last| last.len()), Some(50_000));
    }
}
