//! Paths that lose, repeat and reorder.

use std::time::Duration;

use flumen_protocol::Generator;
use flumen_protocol::dtls::{Config, State};

use crate::pair::{Pair, seconds};
use crate::versions::in_1_3;

/// A pair over a path that loses `loss` of a hundred datagrams, repeats some and lets them overtake
/// each other.
fn lossy(seed: u64, loss: u32) -> Pair {
    let mut generator = Generator::new([5; 32], seed);
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.path = Box::new(move |_| {
        let is_lost = generator.within(1..=100) <= loss;
        let copies = if is_lost {
            0
        } else {
            1 + u32::from(generator.within(0..=9) == 0)
        };
        let mut delay = || Duration::from_millis(generator.within(5..=80).into());
        (0..copies).map(|_| delay()).collect()
    });
    pair
}

/// How many of fifty pairs are connected after half a minute.
fn connected(loss: u32, begin: fn(&mut Pair)) -> usize {
    let is_connected = |seed: &u64| {
        let mut pair = lossy(*seed, loss);
        begin(&mut pair);
        pair.run(seconds(30));
        let both = (pair.client.state(), pair.server.state());
        if both == (State::Connected, State::Connected) {
            pair.assert_connected();
        }
        both == (State::Connected, State::Connected)
    };
    (0..50).filter(is_connected).count()
}

#[test]
fn a_handshake_survives_loss_and_reordering() {
    for begin in [Pair::introduce, in_1_3] {
        assert_eq!(connected(0, begin), 50);
        assert_eq!(connected(10, begin), 50);
        let connected = connected(30, begin);
        assert!(connected >= 47, "{connected}");
    }
}

#[test]
fn whichever_datagram_is_lost_comes_again() {
    for begin in [Pair::introduce, in_1_3] {
        for lost in 0..12 {
            let mut sent = 0;
            let mut pair = Pair::new(Config::default(), Config::default());
            pair.path = Box::new(move |_| {
                sent += 1;
                let is_lost = sent - 1 == lost;
                (0..u32::from(!is_lost))
                    .map(|_| Duration::from_millis(80))
                    .collect()
            });
            begin(&mut pair);
            pair.run(seconds(10));
            assert_eq!(pair.server.state(), State::Connected, "without {lost}");
            pair.assert_connected();
        }
    }
}
