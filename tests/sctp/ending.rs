//! How associations end, and how they do not.

use std::time::Duration;

use flumen::components::wire::sctp::{Data, chunks, kind};
use flumen::sctp::{AssociationEvent, Config, Failure, SendRefused, State};
use flumen_tests::forger::Forger;
use flumen_tests::{Ends, Stack, message};

#[test]
fn a_shutdown_delivers_everything_first() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for count in 0..100_u8 {
            ends.send(0, &message(1, vec![count; 5_000]));
        }
        ends.ends[0].shut_down(ends.now);
        let late = ends.ends[0].send(ends.now, &message(1, "late"));
        assert_eq!(late, Err(SendRefused::ShuttingDown));
        ends.run_until(|ends| ends.are(State::Closed));
        assert_eq!(ends.got[1].messages.len(), 100, "{stacks:?}");
        for at in [0, 1] {
            let closed = AssociationEvent::StateChanged(State::Closed);
            assert!(ends.has_seen(at, closed), "{stacks:?}, end {at}");
        }
        assert_eq!(
            ends.ends[0].next_timeout(),
            None,
            "{stacks:?}: nothing is left"
        );
    }
}

#[test]
fn a_shutdown_acknowledges_what_came() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.keeps_datagrams = true;
        ends.connect();
        for _ in 0..5 {
            ends.send(0, &message(1, "five there"));
        }
        ends.send(1, &message(1, "one back"));
        ends.run_for(Duration::from_secs(1));
        ends.ends[0].shut_down(ends.now);
        ends.run_until(|ends| ends.are(State::Closed));
        let packets = |at: usize| ends.got[at].datagrams.iter().map(|(_, packet)| packet);
        let sent = packets(1).flat_map(|packet| chunks(packet));
        let last = sent.filter_map(|chunk| Data::of(&chunk)).last();
        let last = last.expect("it sent messages").tsn;
        let mut told = packets(0).flat_map(|packet| chunks(packet));
        let shutdown = told.find(|chunk| chunk.kind == kind::SHUTDOWN);
        let shutdown = shutdown.expect("it shuts down");
        assert_eq!(shutdown.value, last.to_be_bytes(), "{stacks:?}");
    }
}

#[test]
fn a_shutdown_survives_loss() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(30);
        for count in 0..20_u8 {
            ends.send(0, &message(1, vec![count]));
        }
        ends.ends[0].shut_down(ends.now);
        ends.run_until(|ends| ends.are(State::Closed));
        assert_eq!(ends.got[1].messages.len(), 20, "{stacks:?}");
    }
}

#[test]
fn an_abort_ends_both_at_once() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for count in 0..100_u8 {
            ends.send(0, &message(1, vec![count; 5_000]));
        }
        ends.run_for(Duration::from_millis(25));
        ends.ends[0].abort(ends.now);
        assert_eq!(ends.ends[0].state(), State::Closed);
        ends.run_for(Duration::from_millis(25));
        assert_eq!(ends.ends[1].state(), State::Failed, "{stacks:?}");
        assert!(
            ends.has_seen(1, AssociationEvent::Failed(Failure::Aborted)),
            "{stacks:?}"
        );
        let after = ends.ends[0].send(ends.now, &message(1, "after"));
        assert_eq!(after, Err(SendRefused::NotConnected));
    }
}

#[test]
fn what_is_new_can_be_closed() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.ends[0].abort(ends.now);
        ends.ends[1].connect(ends.now);
        ends.ends[1].shut_down(ends.now);
        ends.run_for(Duration::from_secs(1));
        assert!(ends.are(State::Closed), "{stacks:?}");
    }
}

#[test]
fn nobody_answers_a_handshake() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.lose(100);
        ends.ends[0].connect(ends.now);
        ends.run_until(|ends| ends.ends[0].state() == State::Failed);
        assert!(
            ends.has_seen(0, AssociationEvent::Failed(Failure::Handshake)),
            "{stacks:?}"
        );
    }
}

#[test]
fn an_idle_association_stays_connected_by_heartbeats() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.keeps_datagrams = true;
        ends.run_for(Duration::from_secs(600));
        assert!(ends.are(State::Connected), "{stacks:?}");
        let sent = ends.got[0].datagrams.iter();
        let kinds = sent.flat_map(|(_, datagram)| chunks(datagram).map(|chunk| chunk.kind));
        let asked = kinds.filter(|&kind| kind == kind::HEARTBEAT).count();
        assert!(
            (18..=20).contains(&asked),
            "{stacks:?}: {asked} in ten minutes"
        );
    }
}

#[test]
fn a_peer_that_is_gone_is_noticed() {
    for &stacks in Stack::PAIRS {
        for is_sending in [false, true] {
            let mut ends = Ends::with(stacks, &Config::default());
            ends.connect();
            ends.lose(100);
            if is_sending {
                ends.send(0, &message(1, "into the void"));
            }
            ends.run_until(|ends| ends.ends[0].state() == State::Failed);
            let unreachable = AssociationEvent::Failed(Failure::Unreachable);
            assert!(ends.has_seen(0, unreachable), "{stacks:?}");
        }
    }
}

#[test]
fn a_lost_abort_is_repeated_to_who_goes_on_speaking() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.lose(100);
        ends.ends[0].abort(ends.now);
        ends.run_for(Duration::from_millis(20));
        ends.lose(0);
        ends.send(1, &message(1, "hello?"));
        ends.run_for(Duration::from_millis(100));
        assert!(
            ends.has_seen(1, AssociationEvent::Failed(Failure::Aborted)),
            "{stacks:?}"
        );
    }
}

/// A peer that shuts down has nothing more to say, and hears what there is.
#[test]
fn what_is_queued_when_the_peer_shuts_down_is_delivered_first() {
    for &stacks in Stack::PAIRS {
        for lost in [0, 5] {
            let mut ends = Ends::with(stacks, &Config::default());
            ends.connect();
            ends.lose(lost);
            for count in 0..100_u8 {
                ends.send(1, &message(1, vec![count; 5_000]));
            }
            ends.ends[0].shut_down(ends.now);
            ends.run_until(|ends| ends.are(State::Closed));
            let got = ends.payloads(0).into_iter().map(|payload| payload[0]);
            let case = format!("{stacks:?}, {lost} % lost");
            assert!(got.eq(0..100), "{case}: {}", ends.got[0].messages.len());
            let closed = AssociationEvent::StateChanged(State::Closed);
            let mut events = ends.got[1].events.iter();
            let (at, _) = events.find(|(_, event)| *event == closed).expect("it is");
            assert!(*at < flumen::Time::from_secs(60), "{case}: at {at}");
        }
    }
}

#[test]
fn nothing_new_is_sent_to_a_peer_that_shuts_down() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        ends.send(1, &message(1, vec![0; 100_000]));
        ends.ends[0].shut_down(ends.now);
        ends.run_for(Duration::from_millis(20));
        let late = ends.ends[1].send(ends.now, &message(1, "late"));
        assert_eq!(late, Err(SendRefused::ShuttingDown), "{stacks:?}");
    }
}

/// Some peers write a number of their own there.
#[test]
fn a_shutdown_acknowledges_nothing_that_was_not_sent() {
    for &[stack, _] in Stack::PAIRS {
        for ahead in [1, 1_000_000, 1 << 30] {
            let mut forger = Forger::new(stack, &Config::default());
            forger.ends.lose(100);
            forger.ends.send(0, &message(1, "lost"));
            forger.ends.run_for(Duration::from_millis(10));
            let sent = |forger: &Forger| {
                let packets = forger.said(kind::DATA).into_iter();
                let of = |packet: Vec<u8>| chunks(&packet).find_map(|it| Some(Data::of(&it)?.tsn));
                packets.filter_map(of).collect::<Vec<u32>>()
            };
            let last = *sent(&forger).last().expect("it was sent");
            let lie = last.wrapping_add(ahead).to_be_bytes();
            let case = format!("{stack:?}, {ahead} ahead");

            forger.say(&forger.packet(&[(kind::SHUTDOWN, 0, &lie)]));
            forger.ends.run_for(Duration::from_secs(5));
            assert!(sent(&forger).len() > 1, "{case}: it is sent again");
            assert_eq!(forger.said(kind::SHUTDOWN_ACK).len(), 0, "{case}");

            let sack = [&last.to_be_bytes()[..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
            forger.say(&forger.packet(&[(kind::SACK, 0, &sack)]));
            forger.ends.run_for(Duration::from_secs(5));
            assert!(!forger.said(kind::SHUTDOWN_ACK).is_empty(), "{case}");
        }
    }
}
