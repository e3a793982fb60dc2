//! Hundreds of rooms, each of another seed.

use std::env;

use flumen_sim::AnyRoom;

/// How many rooms a run plays.
const ROOMS: u64 = 300;

/// The seeds to play: one alone when `FLUMEN_SIM_SEED` names it.
fn seeds() -> std::ops::Range<u64> {
    let asked = env::var("FLUMEN_SIM_SEED").ok();
    match asked.and_then(|seed| seed.parse::<u64>().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..ROOMS,
    }
}

#[test]
fn any_room_keeps_the_rules() {
    for seed in seeds() {
        if let Err(failed) = AnyRoom::try_seed(seed) {
            panic!("{failed}");
        }
    }
}
