//! What a peer can make an SCTP association hold.

use flumen::components::wire::sctp::kind;
use flumen::sctp::{Association, Config, State};
use flumen_tests::forger::{Forger, forge, init};
use flumen_tests::{Ends, Stack, start};

use super::bytes_kept;

#[test]
fn an_idle_association_holds_a_few_kilobytes() {
    let epoch = start();
    let before = bytes_kept();
    let mut pairs: Vec<Ends> = (0..50)
        .map(|_| Ends::new([0, 1].map(|_| Association::new(Config::default(), epoch.clone()))))
        .collect();
    pairs.iter_mut().for_each(Ends::connect);
    let each = (bytes_kept() - before) / 100;
    assert!(each < 8_192, "{each} bytes");
}

#[test]
fn a_flood_of_inits_is_held_for_no_more_than_a_few() {
    let mut association = Association::new(Config::default(), start());
    let mut out = flumen::sctp::Output::default();
    let now = flumen::Time::ZERO;
    let mut flood = |association: &mut Association, tags: std::ops::Range<u32>| {
        for tag in tags {
            let packet = forge(0, &[(kind::INIT, 0, &init(tag, 9))]);
            association.receive(now, &packet).expect("it is answered");
            out.clear();
            association.poll(now, &mut out);
        }
    };
    flood(&mut association, 1..100);
    let before = bytes_kept();
    flood(&mut association, 100..10_000);
    assert_eq!(association.state(), State::New);
    let more = bytes_kept() - before;
    assert!(
        more < 4_096,
        "{more} bytes more after 10,000 than after 100"
    );
}

#[test]
fn fragments_that_are_never_completed_are_held_within_bounds() {
    let config = Config {
        receive_window: 200_000,
        ..Config::default()
    };
    for flags in [2, 6, 0, 4] {
        let mut forger = Forger::new(Stack::Rtc, &config);
        forger.ends.keeps_datagrams = false;
        let before = bytes_kept();
        let mut most = 0;
        for index in 0..10_000 {
            forger.tsn = forger.tsn.wrapping_add(1);
            forger.say_data(flags, 1, index, b"x");
            // What was answered flies over the link, and is the test's.
            while forger
                .ends
                .ways
                .arrival(flumen::Time::from_secs(600))
                .is_some()
            {}
            most = most.max(bytes_kept() - before);
        }
        assert_eq!(forger.state(), State::Connected);
        // 1,000 chunks of one byte: what the library keeps of each is a few hundred bytes.
        assert!(most < 1_000_000, "flags {flags}: {most} bytes");
        let now = forger.ends.now;
        forger.ends.ends[0].abort(now);
        let left = bytes_kept() - before;
        assert!(left < 65_536, "flags {flags}: {left} bytes are left");
    }
}
