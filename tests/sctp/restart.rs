//! A peer that has forgotten the association and asks anew.

use std::time::Duration;

use flumen::components::wire::sctp::{chunks, kind};
use flumen::components::{Created, Purpose, Seed};
use flumen::sctp::{Association, AssociationEvent, Config, Refused, State};
use flumen_sim::{Link, Loss};
use flumen_tests::forger::{forge, init};
use flumen_tests::{Ends, Noise, Stack, Ways, message, start};

/// End 1 is a new one; what flies is lost.
fn restart(ends: &mut Ends, stack: Stack) {
    while ends.ways.arrival(flumen::Time::from_secs(3_600)).is_some() {}
    ends.ends[1] = stack.associate(Config::default(), start());
    ends.got[1] = Default::default();
    ends.got[0].events.clear();
}

fn events(ends: &Ends, at: usize) -> Vec<AssociationEvent> {
    ends.got[at]
        .events
        .iter()
        .map(|(_, event)| *event)
        .collect()
}

#[test]
fn a_peer_that_restarts_is_connected_anew() {
    for &stacks in Stack::PAIRS {
        for asks in [0, 1] {
            let mut ends = Ends::with(stacks, &Config::default());
            ends.ends[asks].connect(ends.now);
            ends.run_until(|ends| ends.are(State::Connected));
            for count in 0..3 {
                ends.send(0, &message(1, vec![count]));
                ends.send(1, &message(1, vec![count]));
            }
            ends.run_until(|ends| ends.ends[0].buffered() == 0);
            ends.send(0, &message(2, "lost"));
            ends.run_for(Duration::from_millis(5));
            restart(&mut ends, stacks[1]);
            let asked = ends.now;
            ends.ends[1].connect(ends.now);
            ends.run_until(|ends| ends.ends[1].state() == State::Connected);
            let case = format!("{stacks:?}, {asks} asked");
            let connected = AssociationEvent::StateChanged(State::Connected);
            let seen = ends.got[1]
                .events
                .iter()
                .find(|(_, event)| *event == connected);
            let took = seen.expect("it is").0.since(asked);
            assert!(took < Duration::from_millis(100), "{case}: {took:?}");
            let streams = AssociationEvent::Streams {
                outbound: 1_024,
                inbound: 1_024,
            };
            let low = AssociationEvent::BufferedAmountLow {
                stream: 2,
                buffered: 0,
            };
            let again = AssociationEvent::StateChanged(State::Connecting);
            assert_eq!(events(&ends, 0), [again, low, streams, connected], "{case}");
            assert_eq!(ends.ends[0].buffered(), 0, "{case}");
            ends.got[0].messages.clear();
            ends.send(0, &message(1, "there"));
            ends.send(1, &message(1, "back"));
            ends.run_for(Duration::from_secs(5));
            assert_eq!(ends.payloads(1), [b"there"], "{case}");
            assert_eq!(ends.payloads(0), [b"back"], "{case}");
        }
    }
}

#[test]
fn an_init_from_nowhere_harms_nobody() {
    for &stacks in Stack::PAIRS {
        let mut ends = Ends::with(stacks, &Config::default());
        ends.connect();
        for tag in 1..100 {
            let packet = forge(0, &[(kind::INIT, 0, &init(tag, 9))]);
            assert_eq!(ends.ends[0].receive(ends.now, &packet), Ok(()));
            // Its answers reach the true peer, who did not ask.
            ends.run_for(Duration::from_millis(30));
        }
        ends.send(0, &message(1, "there"));
        ends.send(1, &message(1, "back"));
        ends.run_for(Duration::from_secs(100));
        assert_eq!(ends.payloads(1), [b"there"], "{stacks:?}");
        assert_eq!(ends.payloads(0), [b"back"], "{stacks:?}");
        assert!(ends.are(State::Connected), "{stacks:?}");
    }
}

#[test]
fn an_answer_to_who_does_not_go_on_is_forgotten() {
    let mut ends = Ends::with([Stack::Rtc; 2], &Config::default());
    ends.connect();
    ends.keeps_datagrams = true;
    let packet = forge(0, &[(kind::INIT, 0, &init(7, 9))]);
    assert_eq!(ends.ends[0].receive(ends.now, &packet), Ok(()));
    ends.poll();
    let (_, answer) = &ends.got[0].datagrams[0];
    let answer = chunks(answer).next().expect("it is answered");
    assert_eq!(answer.kind, kind::INIT_ACK);
    let mut tag = [0; 4];
    tag.copy_from_slice(&answer.value[..4]);
    let cookie = forge(u32::from_be_bytes(tag), &[(kind::COOKIE_ECHO, 0, &[1; 32])]);
    assert_eq!(
        ends.ends[0].receive(ends.now, &cookie),
        Ok(()),
        "it is wrong"
    );
    ends.run_for(Duration::from_secs(61));
    let late = ends.ends[0].receive(ends.now, &cookie);
    assert_eq!(late, Err(Refused::Tag));
    assert!(ends.are(State::Connected));
}

fn end(seed: u64, created: u64) -> Association {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_be_bytes());
    let generator = Seed(key).generator(Created(created), Purpose::Sctp);
    let association = Stack::Rtc.associate(Config::default(), start());
    association.drawing_from(generator)
}

/// A handshake over a bad link, amid which one end forgets everything; it asks then, or is asked.
struct Interrupted {
    ends: Ends,
    /// Whether anybody has anything to ask for: nobody does if who was connected is forgotten.
    is_asked_for: bool,
    case: String,
}

fn interrupted(seed: u64) -> Interrupted {
    let mut noise = Noise::new(seed);
    let link = Link::new()
        .loss(Loss::percent(10 * noise.below(4) as u32))
        .latency(Duration::from_millis(5 + noise.below(60)))
        .reordering_jitter(Duration::from_millis(noise.below(60)));
    let pair = [end(seed, 0), end(seed, 1)];
    let mut ends = Ends::over(Ways::new(link, seed), pair);
    let first = noise.below(2) as usize;
    ends.ends[first].connect(ends.now);
    let both_ask = noise.below(2) == 0;
    if both_ask {
        ends.run_for(Duration::from_millis(noise.below(150)));
        ends.ends[1 - first].connect(ends.now);
    }
    ends.run_for(Duration::from_millis(noise.below(500)));
    let forgets = noise.below(2) as usize;
    ends.ends[forgets] = end(seed, 2);
    ends.got[forgets] = Default::default();
    let asks = noise.below(3) > 0;
    if asks {
        ends.run_for(Duration::from_millis(noise.below(2_000)));
        ends.ends[forgets].connect(ends.now);
    }
    // What flies may still connect who asked with whom it has forgotten.
    ends.run_for(2 * (link.latency + link.jitter));
    let is_asked_for = asks || ends.ends[1 - forgets].state() == State::Connecting;
    let case = format!(
        "seed {seed}: {link:?}, {first} asks first, both: {both_ask}, {forgets} forgets, \
         asks: {asks}"
    );
    Interrupted {
        ends,
        is_asked_for,
        case,
    }
}

#[test]
fn a_restart_amid_a_handshake_ends_in_an_association() {
    let mut never = Vec::new();
    for seed in 0..3_000 {
        let Interrupted {
            mut ends,
            is_asked_for,
            case,
        } = interrupted(seed);
        if !is_asked_for {
            continue;
        }
        for second in 0..600 {
            if ends.are(State::Connected) {
                break;
            }
            ends.run_for(Duration::from_secs(1));
            if second == 30 {
                // That nothing at all comes through is another matter.
                ends.lose(0);
            }
        }
        // Who answered may still be at what has been forgotten.
        ends.run_for(Duration::from_secs(5));
        if !ends.are(State::Connected) {
            never.push(format!("{case}: {:?}", ends.got.map(|got| got.events)));
            continue;
        }
        ends.send(0, &message(1, "there"));
        ends.send(1, &message(1, "back"));
        ends.run_for(Duration::from_secs(120));
        let got = [ends.payloads(1), ends.payloads(0)];
        if got != [[&b"there"[..]], [b"back"]] {
            never.push(case);
        }
    }
    assert!(never.is_empty(), "{} of 3,000: {never:#?}", never.len());
}
