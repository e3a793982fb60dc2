//! However layers are switched, what a consumer sends can be decoded.
//!
//! `FLUMEN_SWITCHES=1000000 cargo test --release -p flumen-tests --test consume switches` does so
//! a million times for each codec.

use flumen_tests::layered::{Path, Simulcast};

/// How many times each test lets a consumer get other layers.
fn switches() -> usize {
    let count = std::env::var("FLUMEN_SWITCHES");
    count.map_or(10_000, |count| count.parse().expect("a number of switches"))
}

/// A call of so many wishes, each followed by a few pictures.
const WISHES_IN_A_CALL: u64 = 250;

fn simulcast(path: Path) {
    let mut switched = 0;
    for seed in 0.. {
        let mut call = Simulcast::running(3, 3, seed);
        for _ in 0..WISHES_IN_A_CALL {
            call.do_anything();
            for _ in 0..=call.below(4) {
                call.stir(path);
            }
        }
        // Until what is late has come.
        for _ in 0..6 {
            call.stir(Path::Clean);
        }
        call.decoded(path);
        switched += call.told().len();
        assert!(
            switched > 10 * seed as usize,
            "{switched} switches up to seed {seed}"
        );
        if switched >= switches() {
            return;
        }
    }
}

#[test]
fn simulcast_is_decodable() {
    simulcast(Path::Clean);
}

#[test]
fn simulcast_is_decodable_where_packets_are_lost_or_late() {
    simulcast(Path::Lossy);
}
