//! Two associations over links that are slow and lose, on virtual time.

use std::time::Duration;

use flumen::components::wire::sctp::{chunks, kind};
use flumen::components::{Created, Purpose, Seed};
use flumen::sctp::{Association, Config, OutgoingMessage, Reliability, State};
use flumen_sim::{Link, Loss};
use flumen_tests::{Ends, Noise, Stack, Ways, message, start};

/// Streams on which messages are reliable and ordered, reliable and unordered, and neither.
const ORDERED: u16 = 1;
const UNORDERED: u16 = 2;
const FLEETING: u16 = 3;
/// Messages of each kind in each direction.
const COUNT: u16 = 60;

/// Seconds after which no conversation goes on.
const LONGEST: u32 = 1_000;

fn ends(stacks: [Stack; 2], config: &Config, link: Link, seed: u64) -> Ends {
    let epoch = start();
    let mut created = 0..;
    let ends = stacks.map(|stack| {
        let created = Created(created.next().expect("there are more"));
        let generator = Seed([seed as u8; 32]).generator(created, Purpose::Sctp);
        let association = stack.associate(config.clone(), epoch.clone());
        association.drawing_from(generator)
    });
    let mut ends = Ends::over(Ways::new(link, seed), ends);
    ends.keeps_datagrams = true;
    ends
}

/// A message that begins with its number.
fn numbered(stream: u16, index: u16, length: u64) -> OutgoingMessage {
    let mut payload = index.to_be_bytes().to_vec();
    payload.resize(2 + length as usize, index as u8);
    let reliability = match stream {
        FLEETING => Reliability::Retransmits(0),
        _ => Reliability::Reliable,
    };
    OutgoingMessage {
        ordered: stream == ORDERED,
        reliability,
        ..message(stream, payload)
    }
}

/// Both send messages of all kinds and sizes, a few milliseconds apart, until all is acknowledged
/// or abandoned.
fn converse(ends: &mut Ends, seed: u64) {
    ends.connect();
    let mut noise = Noise::new(seed);
    for index in 0..COUNT {
        for stream in [ORDERED, UNORDERED, FLEETING] {
            for from in [0, 1] {
                let length = noise.below(3_000);
                ends.send(from, &numbered(stream, index, length));
            }
        }
        ends.run_for(Duration::from_micros(noise.below(20_000)));
    }
    let is_over = |ends: &Ends| ends.ends.iter().all(|end| end.buffered() == 0);
    for _ in 0..LONGEST {
        if is_over(ends) {
            break;
        }
        ends.run_for(Duration::from_secs(1));
    }
    assert!(is_over(ends), "something is never acknowledged");
    ends.run_for(Duration::from_secs(10));
}

/// The numbers that arrived on `stream`, having checked that nothing was altered.
fn numbers(ends: &Ends, at: usize, stream: u16) -> Vec<u16> {
    let messages = ends.got[at].messages.iter().map(|(_, message)| message);
    let on_stream = messages.filter(|message| message.stream == stream);
    let number = on_stream.map(|message| {
        let (number, rest) = message.payload.split_at(2);
        let number = u16::from_be_bytes([number[0], number[1]]);
        assert!(rest.iter().all(|&byte| byte == number as u8));
        number
    });
    number.collect()
}

/// Of a hundred datagrams so many are lost at most.
const LOSSIEST: u32 = 20;

/// Links, and what of a hundred datagrams each loses.
fn links() -> impl Iterator<Item = (u32, Link)> {
    let latencies = [10, 50, 150].map(Duration::from_millis);
    [0, 1, 5, LOSSIEST].into_iter().flat_map(move |lost| {
        latencies.map(|latency| {
            let link = Link::new().latency(latency).loss(Loss::percent(lost));
            (lost, link.reordering_jitter(latency / 3))
        })
    })
}

#[test]
fn reliable_messages_arrive_once_and_others_at_most_once() {
    all_is_well_with(&Config::default());
}

/// Every few messages.
#[test]
fn messages_do_not_notice_that_a_library_begins_anew() {
    let config = Config {
        renew_after: 40,
        ..Config::default()
    };
    all_is_well_with(&config);
}

/// What is abandoned amid that is neither waited for nor taken for what comes behind it.
#[test]
fn messages_that_are_abandoned_hold_up_no_library_that_begins_anew() {
    let config = Config {
        renew_after: 40,
        ..Config::default()
    };
    let link = Link::new().latency(Duration::from_millis(10));
    let link = link.reordering_jitter(Duration::from_millis(3));
    for seed in 0..200 {
        for lost in [5, LOSSIEST] {
            let mut ends = ends(
                [Stack::Rtc; 2],
                &config,
                link.loss(Loss::percent(lost)),
                seed,
            );
            converse(&mut ends, seed);
            for at in [0, 1] {
                let all = numbers(&ends, at, ORDERED).into_iter().eq(0..COUNT);
                assert!(all, "seed {seed}, {lost} %, end {at}");
            }
        }
    }
}

fn all_is_well_with(config: &Config) {
    for &stacks in Stack::PAIRS {
        for (seed, (lost, link)) in links().enumerate() {
            let mut ends = ends(stacks, config, link, seed as u64);
            converse(&mut ends, seed as u64);
            for at in [0, 1] {
                let case = format!("{stacks:?} {link:?} end {at}");
                assert!(
                    numbers(&ends, at, ORDERED).into_iter().eq(0..COUNT),
                    "{case}"
                );
                let mut unordered = numbers(&ends, at, UNORDERED);
                unordered.sort_unstable();
                assert!(unordered.into_iter().eq(0..COUNT), "{case}");
                let mut fleeting = numbers(&ends, at, FLEETING);
                let count = fleeting.len();
                fleeting.sort_unstable();
                fleeting.dedup();
                assert_eq!(fleeting.len(), count, "{case}");
                // Of three fragments each is lost once in five: half of the messages.
                let is_lossy = lost == LOSSIEST;
                let least = if is_lossy { 10 } else { 40 };
                assert!(count >= least, "{case}: {count}");
                assert!(!is_lossy || count < usize::from(COUNT), "{case}: {count}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_the_same_times() {
    for (lost, link) in links() {
        let run = |seed| {
            let mut ends = ends([Stack::Rtc; 2], &Config::default(), link, seed);
            converse(&mut ends, 7);
            ends
        };
        let (first, second) = (run(3), run(3));
        for at in [0, 1] {
            assert_eq!(first.got[at].messages, second.got[at].messages);
            assert_eq!(first.got[at].events, second.got[at].events);
            assert!(first.got[at].datagrams == second.got[at].datagrams);
        }
        if lost > 0 {
            let other = run(4);
            assert_ne!(first.got[0].messages, other.got[0].messages);
        }
    }
}

#[test]
fn what_was_recorded_repeats_over_a_lossy_link() {
    let link = Link::new()
        .latency(Duration::from_millis(30))
        .reordering_jitter(Duration::from_millis(10))
        .loss(Loss::percent(5));
    let mut ends = ends([Stack::Rtc; 2], &Config::default(), link, 5);
    ends.ends.iter_mut().for_each(Association::record);
    converse(&mut ends, 5);
    let tapes = ends
        .ends
        .each_mut()
        .map(|end| end.take_tape().expect("it was recorded"));
    let mut again = Ends::over(Ways::new(link, 5), tapes.map(Association::recorded));
    again.keeps_datagrams = true;
    converse(&mut again, 5);
    for at in [0, 1] {
        assert_eq!(ends.got[at].datagrams, again.got[at].datagrams);
        assert_eq!(ends.got[at].messages, again.got[at].messages);
    }
}

#[test]
fn long_messages_on_many_streams_survive_loss_and_reordering() {
    const STREAMS: u16 = 12;
    let lossy = |percent, millis| {
        let link = Link::new().latency(Duration::from_millis(millis));
        link.reordering_jitter(link.latency)
            .loss(Loss::percent(percent))
    };
    for (seed, link) in [lossy(0, 100), lossy(1, 5), lossy(5, 20)]
        .into_iter()
        .enumerate()
    {
        let wide = Config {
            send_buffer_size: 8_000_000,
            per_stream_send_queue_limit: 8_000_000,
            ..Config::default()
        };
        let epoch = start();
        let pair = [(); 2].map(|()| Stack::Rtc.associate(wide.clone(), epoch.clone()));
        let mut ends = Ends::over(Ways::new(link, seed as u64), pair);
        ends.connect();
        for round in 0..2 {
            for stream in 0..STREAMS {
                let long = OutgoingMessage {
                    ordered: stream % 2 == 0,
                    ..message(stream, vec![round as u8 ^ stream as u8; 262_144])
                };
                ends.send(0, &long);
                ends.send(0, &message(STREAMS, vec![round as u8; 1]));
            }
        }
        ends.run_until(|ends| ends.ends[0].buffered() == 0);
        let messages = ends.got[1].messages.iter().map(|(_, message)| message);
        let long = messages.filter(|message| message.stream < STREAMS);
        let length = long.map(|message| message.payload.len());
        assert_eq!(length.sum::<usize>(), 2 * 12 * 262_144, "{link:?}");
        assert_eq!(ends.payloads(1).len(), 48, "{link:?}");
    }
}

/// Both ask within a few milliseconds, over a link that loses and reorders.
fn cross(link: Link, seed: u64) -> Ends {
    let epoch = start();
    let pair = [0, 1].map(|end| {
        let generator = Seed([seed as u8; 32]).generator(Created(end), Purpose::Sctp);
        let association = Stack::Rtc.associate(Config::default(), epoch.clone());
        association.drawing_from(generator)
    });
    let mut ends = Ends::over(Ways::new(link, seed), pair);
    ends.keeps_datagrams = true;
    let mut noise = Noise::new(seed);
    let first = noise.below(2) as usize;
    ends.ends[first].connect(ends.now);
    ends.run_for(Duration::from_millis(noise.below(4) * 5));
    ends.ends[1 - first].connect(ends.now);
    ends.run_until(|ends| ends.are(State::Connected));
    for index in 0..20 {
        for from in [0, 1] {
            ends.send(from, &numbered(ORDERED, index, 2_000));
        }
        ends.run_for(Duration::from_millis(3));
    }
    ends.run_until(|ends| ends.ends.iter().all(|end| end.buffered() == 0));
    ends
}

#[test]
fn who_wins_when_both_ask_at_once_is_the_same_in_every_run() {
    let link = Link::new()
        .latency(Duration::from_millis(10))
        .reordering_jitter(Duration::from_millis(10))
        .loss(Loss::percent(20));
    let mut winners = [0; 2];
    for seed in 0..60 {
        let [one, other] = [(); 2].map(|()| cross(link, seed));
        for at in [0, 1] {
            assert_eq!(one.got[at].events, other.got[at].events, "seed {seed}");
            assert!(
                one.got[at].messages == other.got[at].messages,
                "seed {seed}"
            );
            let datagrams = [&one, &other].map(|ends| &ends.got[at].datagrams);
            assert!(datagrams[0] == datagrams[1], "seed {seed}");
            let asked = one.got[at].datagrams.iter();
            let mut chunks = asked.flat_map(|(_, datagram)| chunks(datagram));
            winners[at] += usize::from(chunks.any(|chunk| chunk.kind == kind::COOKIE_ECHO));
        }
    }
    assert!(winners.iter().all(|&won| won > 10), "{winners:?}");
}
