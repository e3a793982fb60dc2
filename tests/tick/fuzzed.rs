//! What `fuzz/` asks of every way in, asked of what it begins with, and of what is near that.
//!
//! In depth, as `.ci/run` does it:
//!
//! ```text
//! FLUMEN_INPUTS=500000 FLUMEN_SEQUENCES=50000 cargo test --workspace --test tick fuzzed
//! ```

mod numbers;
mod outcomes;
mod sequences;

use std::ops::Range;

use flumen_tests::Noise;
use flumen_tests::any_input::{CLAIMS, Claim, Reached, association, made, reached, seeds};

use self::numbers::{INPUTS, Numbered, SEQUENCES};

/// Changes a few bytes, or cuts it short.
fn change(input: &mut Vec<u8>, noise: &mut Noise) {
    for _ in 0..=noise.below(3) {
        let at = noise.below(input.len() as u64) as usize;
        input[at] = noise.bits() as u8;
    }
    if noise.below(4) == 0 {
        input.truncate(noise.below(input.len() as u64) as usize + 1);
    }
}

/// A part of a sequence: any bytes, or something near a few seeds.
fn part(noise: &mut Noise, seeds: &[Vec<u8>]) -> Vec<u8> {
    if noise.below(2) == 0 {
        return (0..2_000).map(|_| noise.bits() as u8).collect();
    }
    let mut part = Vec::new();
    for _ in 0..4 {
        let mut seed = seeds[noise.below(seeds.len() as u64) as usize].clone();
        change(&mut seed, noise);
        part.extend(seed);
    }
    part
}

/// Plays seeds, and inputs that are near them.
fn holds_near_its_seeds(name: &str, inputs: Range<u64>, of: Numbered, test: &str) {
    let (_, claim): (_, Claim) = *CLAIMS.iter().find(|(it, _)| *it == name).unwrap();
    let seeds = seeds(name);
    assert!(seeds.len() > 10, "{name}: {} seeds", seeds.len());
    seeds.iter().for_each(|seed| claim(seed));
    for number in inputs {
        let mut input = seeds[number as usize % seeds.len()].clone();
        change(&mut input, &mut Noise::new(number));
        of.play(number..number + 1, test, || claim(&input));
    }
}

/// The same of what reads bytes, which is fast.
fn is_read(name: &str, usual: u64) {
    let test = std::thread::current();
    let test = test.name().unwrap_or_default();
    holds_near_its_seeds(name, INPUTS.asked_for(usual), INPUTS, test);
}

/// The same of what takes a while, of which no more than `most` are played.
fn is_outlived(name: &str, usual: u64, most: u64) {
    let asked = SEQUENCES.asked_for(usual);
    let asked = asked.start..asked.end.min(asked.start.saturating_add(most));
    let test = std::thread::current();
    let test = test.name().unwrap_or_default();
    holds_near_its_seeds(name, asked, SEQUENCES, test);
}

#[test]
fn any_payload_can_be_read() {
    is_read("codecs", 5_000);
}

#[test]
fn any_rtp_can_be_read() {
    is_read("rtp", 5_000);
}

#[test]
fn any_rtcp_can_be_read() {
    is_read("rtcp", 5_000);
}

#[test]
fn any_sctp_can_be_read() {
    is_read("sctp", 5_000);
}

#[test]
fn nothing_is_opened_but_what_was_sealed() {
    is_read("srtp", 3_000);
}

#[test]
fn any_stun_can_be_read() {
    is_read("stun", 4_000);
}

#[test]
fn any_records_of_a_handshake_can_be_read() {
    is_read("dtls_records", 5_000);
}

#[test]
fn a_stream_may_come_in_any_pieces() {
    is_read("framing", 3_000);
}

#[test]
fn any_offer_is_refused_or_answered() {
    is_read("sdp", 1_000);
}

#[test]
fn an_ice_agent_knows_no_more_than_it_may() {
    is_outlived("agent", 1_600, u64::MAX);
}

#[test]
fn dtls_connections_share_keys_or_nothing() {
    is_outlived("dtls", 100, 2_000);
}

#[test]
fn an_association_outlives_any_peer() {
    seeds("association")
        .iter()
        .for_each(|seed| association(seed));
    // What was found is short, and says little.
    let dialogues = made("association");
    let mut all = Reached::default();
    let sequences = SEQUENCES.asked_for(2_000);
    let count = sequences.end - sequences.start;
    for sequence in sequences {
        let input = part(&mut Noise::new(sequence), &dialogues);
        let again = sequence..sequence + 1;
        all += SEQUENCES.play(again, "fuzzed::an_association", || reached(&input));
    }
    if count < 1_000 {
        // Too few to say how far they come.
        return;
    }
    assert!(all.data >= 4 * count && all.sacks >= count, "{all:?}");
    assert!(all.forwards >= count / 3, "{all:?}");
    assert!(
        all.messages >= count && all.acknowledged >= 400 * count,
        "{all:?}"
    );
    assert!(all.reset_by_peer >= count / 10, "{all:?}");
    assert!(all.resets_done >= count / 20, "{all:?}");
}

#[test]
fn a_room_outlives_any_stranger() {
    is_outlived("room", 100, 2_000);
}
