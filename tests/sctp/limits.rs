//! What an association takes and holds.

use std::time::Duration;

use flumen::sctp::{AssociationEvent, Config, SendRefused, State};
use flumen_tests::{Ends, Stack, message};

fn connected(stacks: [Stack; 2], config: &Config) -> Ends {
    let mut ends = Ends::with(stacks, config);
    ends.connect();
    ends
}

#[test]
fn a_message_has_a_length() {
    for &stacks in Stack::PAIRS {
        let config = Config {
            max_send_message_size: 1_000,
            ..Config::default()
        };
        let mut ends = connected(stacks, &config);
        let end = &mut ends.ends[0];
        assert_eq!(end.send(ends.now, &message(0, "")), Err(SendRefused::Empty));
        let too_long = SendRefused::TooLong {
            length: 1_001,
            limit: 1_000,
        };
        let sent = end.send(ends.now, &message(0, vec![0; 1_001]));
        assert_eq!(sent, Err(too_long));
        assert_eq!(end.send(ends.now, &message(0, vec![0; 1_000])), Ok(1_000));
    }
}

#[test]
fn what_waits_is_limited_by_stream_association_and_number() {
    for &stacks in Stack::PAIRS {
        let config = Config {
            send_buffer_size: 5_000,
            per_stream_send_queue_limit: 3_000,
            send_queue_messages: 10,
            ..Config::default()
        };
        let mut ends = connected(stacks, &config);
        ends.lose(100);
        let mut send = |stream, length| {
            let (now, end) = (ends.now, &mut ends.ends[0]);
            end.send(now, &message(stream, vec![0; length]))
        };
        assert_eq!(send(1, 2_999), Ok(2_999));
        assert_eq!(send(1, 500), Ok(3_499));
        assert_eq!(send(1, 1), Err(SendRefused::StreamFull(1)));
        assert_eq!(send(2, 1_501), Ok(1_501));
        assert_eq!(send(3, 1), Err(SendRefused::BufferFull));
        assert_eq!(ends.ends[0].buffered(), 5_000);
        assert_eq!(ends.ends[0].buffered_on(2), 1_501);

        ends.lose(0);
        ends.run_until(|ends| ends.ends[0].buffered() == 0);
        ends.lose(100);
        let taken = (0..20).take_while(|_| ends.ends[0].send(ends.now, &message(1, "x")).is_ok());
        assert_eq!(taken.count(), 10, "{stacks:?}");
    }
}

#[test]
fn a_threshold_tells_when_to_go_on() {
    for &stacks in Stack::PAIRS {
        let mut ends = connected(stacks, &Config::default());
        ends.ends[0].set_low_threshold(1, 20_000);
        for _ in 0..10 {
            ends.send(0, &message(1, vec![0; 10_000]));
        }
        ends.run_until(|ends| ends.ends[0].buffered() == 0);
        let low = ends.got[0]
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                AssociationEvent::BufferedAmountLow {
                    stream: 1,
                    buffered,
                } => Some(*buffered),
                _ => None,
            });
        let low: Vec<_> = low.collect();
        assert_eq!(low.len(), 1, "{stacks:?}");
        assert!(low[0] <= 20_000, "{stacks:?}");
    }
}

#[test]
fn what_one_acknowledgement_releases_is_told_in_the_order_of_streams() {
    for &stacks in Stack::PAIRS {
        let mut ends = connected(stacks, &Config::default());
        for index in 0..100_u16 {
            ends.send(0, &message(index * 37 % 100, "x"));
        }
        ends.run_until(|ends| ends.ends[0].buffered() == 0);
        let events = ends.got[0].events.iter();
        let low = events.filter_map(|(at, event)| match event {
            AssociationEvent::BufferedAmountLow { stream, .. } => Some((*at, *stream)),
            _ => None,
        });
        let low: Vec<_> = low.collect();
        assert_eq!(low.len(), 100, "{stacks:?}");
        assert!(low.is_sorted(), "{stacks:?}: {low:?}");
    }
}

#[test]
fn a_message_that_is_too_long_for_the_receiver_is_dropped_and_told() {
    for &stacks in Stack::PAIRS {
        let epoch = flumen_tests::start();
        let receiving = Config {
            max_receive_message_size: 1_000,
            ..Config::default()
        };
        let mut ends = Ends::new([
            stacks[0].associate(Config::default(), epoch.clone()),
            stacks[1].associate(receiving, epoch),
        ]);
        ends.connect();
        ends.send(0, &message(1, vec![0; 1_001]));
        ends.send(0, &message(1, vec![0; 1_000]));
        ends.run_for(Duration::from_secs(1));
        assert!(
            ends.has_seen(1, AssociationEvent::TooLong { stream: 1 }),
            "{stacks:?}"
        );
        assert_eq!(ends.payloads(1), [[0; 1_000]], "{stacks:?}");
        assert!(ends.are(State::Connected), "{stacks:?}");
    }
}
