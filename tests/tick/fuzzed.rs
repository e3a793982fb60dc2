//! What `fuzz/` asks of every way in, asked of what it begins with, and of what is near that.
//!
//! In depth, as `.ci/run` does it:
//!
//! ```text
//! FLUMEN_INPUTS=500000 FLUMEN_SEQUENCES=50000 cargo test --workspace --test tick fuzzed
//! ```

mod sequences;

use flumen_tests::Noise;
use flumen_tests::any_input::{CLAIMS, Claim, seeds};

/// How much of something is tried, unless somebody wants more.
fn wanted(name: &str, usual: u64) -> u64 {
    let more = std::env::var(name).ok();
    more.map_or(usual, |more| more.parse().expect("a number"))
}

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

/// Plays seeds and `inputs` that are near them.
fn holds_near_its_seeds(name: &str, inputs: u64) {
    let (_, claim): (_, Claim) = *CLAIMS.iter().find(|(it, _)| *it == name).unwrap();
    let mut noise = Noise::new(inputs);
    let seeds = seeds(name);
    assert!(seeds.len() > 10, "{name}: {} seeds", seeds.len());
    seeds.iter().for_each(|seed| claim(seed));
    for seed in seeds.iter().cycle().take(inputs as usize) {
        let mut input = seed.clone();
        change(&mut input, &mut noise);
        claim(&input);
    }
}

/// The same of what reads bytes, which is fast.
fn is_read(name: &str, inputs: u64) {
    holds_near_its_seeds(name, wanted("FLUMEN_INPUTS", inputs));
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
fn any_offer_is_refused_or_answered() {
    is_read("sdp", 1_000);
}

#[test]
fn an_ice_agent_knows_no_more_than_it_may() {
    holds_near_its_seeds("agent", wanted("FLUMEN_SEQUENCES", 1_600));
}

#[test]
fn dtls_connections_share_keys_or_nothing() {
    holds_near_its_seeds("dtls", 100);
}

#[test]
fn an_association_outlives_any_peer() {
    holds_near_its_seeds("association", wanted("FLUMEN_SEQUENCES", 100));
}

#[test]
fn a_room_outlives_any_stranger() {
    holds_near_its_seeds("room", 100);
}
